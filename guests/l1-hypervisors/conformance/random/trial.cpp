#include "random/trial.hpp"

#include "cpu/instructions.hpp"
#include "random/arena.hpp"
#include "random/exit_information.hpp"
#include "random/processor.hpp"

namespace conformance::random {
void flush_ept() {
    if (!invept(static_cast<u64>(InvalidationType::all_contexts), {0, 0}).succeeded())
        give_up("INVEPT failed");
}

namespace {

void flush_vpids() {
    if (!invvpid(static_cast<u64>(InvalidationType::all_contexts), {0, 0}).succeeded())
        give_up("INVVPID failed");
}

// Whether what an exit saves to a field of guest state is defined, and the same whatever time it takes.
bool is_saved(const Case& c, Slot slot) {
    constexpr u64 cr0_pg = bit(31), cr4_pae = bit(5);
    switch (field_of(slot).encoding) {
        case field::preemption_timer.encoding:
            return (c.fields[Slot::exit_controls] & exit_control::save_preemption_timer) == 0;
        case field::guest_debugctl.encoding:  // Bochs 2.7 never saves it; where it was not loaded, that shows
            return (c.fields[Slot::entry_controls] & entry_control::load_debug) != 0;
        case field::guest_pdpte_0.encoding:
        case field::guest_pdpte_1.encoding:
        case field::guest_pdpte_2.encoding:
        case field::guest_pdpte_3.encoding:  // undefined but in PAE paging with EPT (SDM 3C 28.3.4)
            return (vmread(field::guest_cr0) & cr0_pg) != 0 && (vmread(field::guest_cr4) & cr4_pae) != 0 &&
                   (vmread(field::entry_controls) & entry_control::guest_64bit) == 0 &&
                   uses(c, secondary::ept);
        default: return true;
    }
}

}  // namespace

void Trial::prepare() {
    usual_ = found_state();
    launched_.create();
    resumed_.create();
    current_ = &resumed_;
    Case valid;
    Chance chance(0);
    do {
        valid = {};
        make_base(valid, chance);
    } while (valid.mode != Mode::wide);
    launch_once(valid);
}

// Makes the second VMCS a launched one.
void Trial::launch_once(const Case& valid) {
    resumed_.write(valid.fields);
    clean_arena();
    random_registers = valid.registers;
    if (random_enter(0) == 0) give_up("a plain 64-bit L2 could not be launched");
    put_back(found_state(), usual_);
    for (const Slot slot : processor.guest_state) resumed_.read_back(slot);
    for (const Slot slot : {Slot::entry_controls, Slot::entry_interruption_information})
        resumed_.read_back(slot);
}

// EPT12 is rewritten in place, and all L2s with a VPID share it whatever tables they have (SDM 3C 29.4.3).
void Trial::invalidate(const Case& c) {
    for (u64 i = 0; i < c.change_count; ++i)
        if (c.changes[i].in_ept) return flush_ept();
}

Outcome Trial::run(const Case& c) {
    Vmcs* const vmcs = c.resume ? &resumed_ : &launched_;
    if (!c.resume)
        vmcs->clear_launch_state();
    else if (current_ != vmcs)
        vmcs->make_current();
    current_ = vmcs;
    vmcs->write(c.fields);
    invalidate(c);
    if (c.with_vpid) flush_vpids();
    random_registers = c.registers;
    answer_.clear();
    const u64 stub = random_enter(c.resume ? 1 : 0);
    const Outcome outcome = stub == 0 ? collect_failure() : collect_exit(c, stub);
    return outcome;
}

Outcome Trial::collect_failure() {
    constexpr u64 arithmetic = rflags_arithmetic;
    const u64 flags = random_found_rflags & arithmetic;
    Outcome outcome = {Outcome::Kind::failed_invalid, 0};
    if (flags != rflags_cf) {
        outcome.kind = Outcome::Kind::failed_valid;
        outcome.number = static_cast<u32>(vmread(field::vm_instruction_error));
    }
    answer_.add("flags", flags);
    answer_.add("error", outcome.number);
    add_registers();
    // Nothing was loaded, so that L1 is as it was, but for what no case puts back.
    HostState found = found_state();
    found.tr = usual_.tr;
    found.ldtr = usual_.ldtr;
    add_found(found);
    put_back(found, usual_);
    add_launch_state(current_ == &resumed_);
    return outcome;
}

Outcome Trial::collect_exit(const Case& c, u64 stub) {
    const u64 rsp = random_found_rsp, rflags = random_found_rflags;
    const HostState found = found_state();
    put_back(found, usual_);
    Outcome outcome = {Outcome::Kind::exited, static_cast<u32>(vmread(field::exit_reason))};
    const bool entry_failed = (outcome.number & reason::entry_failed) != 0;
    if (outcome.number == reason::preemption_timer && c.fields[Slot::preemption_timer] != 0)
        outcome.kind = Outcome::Kind::watchdog;
    answer_.add("reason", outcome.number);
    if (entry_failed)
        answer_.add("qualification", vmread(field::exit_qualification));
    else
        add_exit_information(answer_, c, outcome.number);
    add_guest_state(c, entry_failed);
    answer_.add("stub", stub);
    answer_.add("rsp", rsp);
    answer_.add("rflags", rflags);
    add_found(found);
    if (!entry_failed) add_memory(c);
    add_launch_state(current_ == &resumed_ || !entry_failed);
    if (outcome.kind == Outcome::Kind::watchdog) answer_.clear();
    return outcome;
}

// What is as it was before the entry is told by its absence, to keep answers short.
void Trial::add_guest_state(const Case& c, bool entry_failed) {
    for (const Slot slot : processor.guest_state) {
        const u64 value = current_->read_back(slot);
        if (value != c.fields[slot] && (entry_failed || is_saved(c, slot))) answer_.add(name_of(slot), value);
    }
    for (const Slot slot : {Slot::entry_controls, Slot::entry_interruption_information})
        answer_.add(name_of(slot), current_->read_back(slot));
    add_registers();
}

void Trial::add_registers() {
    constexpr const char* names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                                     "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    const u64* const registers = &random_registers.rax;
    for (usize i = 0; i < sizeof names / sizeof names[0]; ++i) answer_.add(names[i], registers[i]);
}

// What L2's events pushed, what its instruction stored, the MSRs that the exit stored, and what features
// wrote.
void Trial::add_memory(const Case& c) {
    u64 sum = 0;
    for (const Page* page : {&arena.stack, &arena.ring0_stack, &arena.data}) {
        const u64* const words = at_address<const u64>(page->address());
        constexpr usize first = (at::data_start - 0x10) / sizeof(u64),
                        last = (at::data_start + 0x20) / sizeof(u64),
                        frame = (at::stack_start - 0x40) / sizeof(u64),
                        frame_end = (at::stack_start + 0x10) / sizeof(u64);
        for (usize i = first; i < last; ++i) sum = mixed(sum ^ words[i]);
        for (usize i = frame; i < frame_end; ++i) sum = mixed(sum ^ words[i]);
    }
    answer_.add("memory", sum);
    if (c.fields[Slot::exit_msr_store_count] != 0)
        for (usize word = 1; word < 8; word += 2) answer_.add("stored-msr", arena.stored_msrs.entry[word]);
    if ((c.fields[Slot::primary_controls] & primary::tpr_shadow) != 0) add_virtual_apic();
    if (uses(c, secondary::ept)) add_ept_features(c);
}

void Trial::add_virtual_apic() {
    // Priorities; then what is in service and what is requested.
    answer_.add("virtual-tpr", arena.virtual_apic.entry[task_priority_word]);
    answer_.add("virtual-ppr", arena.virtual_apic.entry[0xA0 / sizeof(u64)]);
    u64 sum = 0;
    for (usize offset = 0x100; offset < 0x280; offset += 0x10)
        sum = mixed(sum ^ arena.virtual_apic.entry[offset / sizeof(u64)]);
    answer_.add("virtual-isr-tmr-irr", sum);
}

void Trial::add_ept_features(const Case& c) {
    if (uses(c, secondary::vm_functions)) {
        answer_.add("eptp", current_->read_back(Slot::eptp));
        if (exists(Slot::eptp_index, processor.secondary_allowed))
            answer_.add("eptp_index", current_->read_back(Slot::eptp_index));
    }
    if ((c.fields[Slot::eptp] & ept_flags_enabled) != 0) answer_.add("ept-flags", sum_of_ept_flags());
    if (uses(c, secondary::page_log)) {
        u64 sum = 0;
        // Bochs 2.7 logs the address within the page, too.
        for (const u64 address : arena.page_log.entry) sum = mixed(sum ^ (address & ~(page_size - 1)));
        answer_.add("page-log", sum);
    }
    // Without the last word: Bochs 2.7 does not take the EPTP index there from its field.
    if (uses(c, secondary::virtualization_exceptions))
        for (usize word = 0; word + 1 < ve_words; ++word)
            answer_.add("ve-information", arena.ve_information.entry[word]);
}

// VMLAUNCH of a launched VMCS and VMRESUME of a clear one fail before anything else is looked at (SDM
// 3C 27.1).
void Trial::add_launch_state(bool launched) {
    const u64 stub = random_enter(launched ? 0 : 1);
    if (stub != 0) put_back(found_state(), usual_);
    answer_.add("launch-state", stub != 0 ? ~u64{0} : vmread(field::vm_instruction_error));
}

void Trial::add_found(const HostState& found) {
    constexpr const char* names[] = {"cr0",          "cr2",         "cr3",
                                     "cr4",          "dr6",         "dr7",
                                     "cs",           "ss",          "ds",
                                     "es",           "fs",          "gs",
                                     "tr",           "ldtr",        "gdtr-base",
                                     "gdtr-limit",   "idtr-base",   "idtr-limit",
                                     "fs-base",      "gs-base",     "efer",
                                     "pat",          "sysenter-cs", "sysenter-esp",
                                     "sysenter-eip", "debugctl",    "kernel-gs-base",
                                     "star",         "lstar",       "cstar",
                                     "sfmask"};
    static_assert(sizeof names / sizeof names[0] == sizeof(HostState) / sizeof(u64));
    const u64* const values = &found.cr0;
    const u64* const before = &usual_.cr0;
    for (usize i = 0; i < sizeof names / sizeof names[0]; ++i) {
        // What is as usual is told by its absence, to keep answers readable.
        if (values[i] != before[i]) answer_.add("host.", names[i], values[i]);
    }
}

}  // namespace conformance::random
