// Activity state, interruptibility and pending debug exceptions (SDM 3C 27.3.1.5), crossed with RFLAGS.IF and
// the event that the entry injects; the VMCS link pointer; PDPTEs (SDM 3C 27.3.1.6).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/checks/starts.hpp"
#include "vmx/operation.hpp"

namespace conformance::checks {
namespace {

constexpr u64 by_sti = bit(0), by_mov_ss = bit(1), by_smi = bit(2), by_nmi = bit(3);
constexpr u64 active = 0, halted = 1, shut_down = 2, waits_for_sipi = 3;

struct Event {
    const char* name;
    u32 information;
};

constexpr Event events[] = {
    {"none", 0},
    {"interrupt", interruption::valid | interruption::external | 64},
    {"nmi", interruption::valid | interruption::nmi | 2},
    {"debug", interruption::valid | interruption::hardware_exception | 1},
    {"machine-check", interruption::valid | interruption::hardware_exception | 18},
    {"undefined", interruption::valid | interruption::hardware_exception | 6},
    {"software", interruption::valid | interruption::software_interrupt | 64},
    {"breakpoint", interruption::valid | interruption::software_exception | 3},
};

// A halted guest without an event only wakes up where something can wake it.
bool would_sleep(u64 activity, const Event& event) { return activity != active && event.information == 0; }

void blocking_and_activity(const char* name, const Start& start, u32 pins) {
    constexpr u64 blockings[] = {0,      by_sti, by_mov_ss,       by_sti | by_mov_ss,
                                 by_smi, by_nmi, by_sti | by_nmi, by_mov_ss | by_nmi,
                                 bit(4)};
    for (const Event& event : events)
        for (const u64 activity : {active, halted, shut_down, waits_for_sipi})
            for (const u64 blocking : blockings)
                for (const u64 enabled : {u64{0}, rflags_if}) {
                    if (would_sleep(activity, event)) continue;
                    check(start,
                          Text(name, "-", event.name, "-activity", activity, "-blocking", hex(blocking),
                               "-if", enabled >> 9),
                          [&] {
                              apply({{field::pin_controls, 0, pins},
                                     replace(field::guest_activity, activity),
                                     replace(field::guest_interruptibility, blocking),
                                     {field::guest_rflags, rflags_if, enabled},
                                     replace(field::entry_interruption_information, event.information),
                                     replace(field::entry_instruction_length, 1)});
                          },
                          {.delivery = true});
                }
}

void values_alone() {
    each_value(long_mode, "activity", field::guest_activity, {4, 5, bit(31), 0xFFFFFFFF});
    each_bit(long_mode, "interruptibility", field::guest_interruptibility, 0, 31);
    each_bit(unrestricted, "pending-debug", field::guest_pending_debug, 0, 63);
}

// A guest that cannot be halted: SS.DPL is not 0 (SDM 3C 27.3.1.5).
void halted_in_user_mode() {
    for (const u64 level : {u64{0}, u64{3}})
        check(long_mode, Text("halted-at-level-", level), [=] {
            apply({{field::guest_cs_access, 3 << 5, level << 5},
                   {field::guest_ss_access, 3 << 5, level << 5},
                   {field::guest_cs_selector, 3, level},
                   {field::guest_ss_selector, 3, level},
                   replace(field::guest_activity, halted),
                   replace(field::entry_interruption_information, events[2].information)});
        });
}

// BS must tell what TF and BTF tell where a debug exception may be pending behind a blocking.
void pending_single_step() {
    constexpr u64 bs = bit(14), btf = bit(1);
    for (const u64 trap : {u64{0}, rflags_tf})
        for (const u64 branches : {u64{0}, btf})
            for (const u64 blocking : {u64{0}, by_sti, by_mov_ss})
                for (const u64 pending : {u64{0}, bs})
                    check(long_mode,
                          Text("single-step-tf", trap >> 8, "-btf", branches >> 1, "-blocking", blocking,
                               "-bs", pending >> 14),
                          [=] {
                              apply({{field::guest_rflags, 0, trap | rflags_if},
                                     replace(field::guest_debugctl, branches),
                                     replace(field::guest_interruptibility, blocking),
                                     replace(field::guest_pending_debug, pending)});
                          });
}

Page linked;

void write_revision(u32 revision) {
    linked.clear();
    *at_address<u32>(linked.address()) = revision;
}

void link_pointers(const char* name, u32 secondary_controls) {
    constexpr u32 shadow_indicator = bit(31);
    const auto try_pointer = [&](const Text& what, u64 pointer) {
        check(long_mode, Text(name, "-", what), [&] {
            apply({{field::secondary_controls, 0, secondary_controls},
                   replace(field::vmcs_link_pointer, pointer)});
        });
    };
    const auto try_region = [&](const char* what, u32 first_word) {
        write_revision(first_word);
        try_pointer(Text(what), linked.address());
    };
    try_pointer(Text("all-ones"), ~u64{0});
    try_region("revision", vmcs_revision());
    try_region("revision-and-shadow", vmcs_revision() | shadow_indicator);
    try_region("other-revision", vmcs_revision() + 1);
    try_region("other-revision-and-shadow", (vmcs_revision() + 1) | shadow_indicator);
    try_region("zero-revision", 0);
    write_revision(vmcs_revision() | (secondary_controls != 0 ? shadow_indicator : 0));
    for (unsigned number = 0; number < 12; ++number)
        try_pointer(Text("bit-", number), linked.address() ^ bit(number));
    for (unsigned number = physical_width(); number < 64; ++number)
        try_pointer(Text("bit-", number), linked.address() ^ bit(number));
    try_pointer(Text("low-half-ones"), 0xFFFFFFFF);
    try_pointer(Text("itself"), the_vcpu().region.address());
    try_pointer(Text("vmxon-region"), vmxon_region());
}

constexpr Field pdptes[] = {field::guest_pdpte_0, field::guest_pdpte_1, field::guest_pdpte_2,
                            field::guest_pdpte_3};

// What lies between the first and the last entry is treated like the last. The fourth GiB of a PAE guest is
// never touched, so that every bit of its entry can be flipped.
void pdpte_bits(const char* name, bool with_ept) {
    for (const unsigned index : {0u, 3u})
        for (unsigned number = 0; number < 64; ++number) {
            const bool moves_the_code =
                index == 0 && (number == 0 || (number >= 12 && number < physical_width()));
            if (moves_the_code) continue;
            check(pae, Text(name, "-", index, "-bit-", number), [&] {
                if (with_ept) {
                    vmwrite(pdptes[index], vmread(pdptes[index]) ^ bit(number));
                } else {
                    apply({{field::secondary_controls, secondary::ept, 0}});
                    at_address<u64>(vmread(field::guest_cr3))[index] ^= bit(number);
                }
            });
        }
}

void absent_pdptes() {
    for (const bool with_ept : {true, false})
        for (const u64 entry : {u64{0}, ~bit(0), bit(63) | bit(1)})
            check(pae, Text(with_ept ? "pdpte-field-absent-" : "pdpte-memory-absent-", hex(entry)), [=] {
                if (with_ept) {
                    vmwrite(pdptes[3], entry);
                } else {
                    apply({{field::secondary_controls, secondary::ept, 0}});
                    at_address<u64>(vmread(field::guest_cr3))[3] = entry;
                }
            });
}

}  // namespace

void guest_state_checks() {
    blocking_and_activity("state", long_mode, 0);
    blocking_and_activity("virtual-nmis", long_mode, pin::nmi | pin::virtual_nmis);
    values_alone();
    halted_in_user_mode();
    pending_single_step();
}

void link_pointer_checks() {
    link_pointers("link", 0);
    link_pointers("shadow-link", secondary::vmcs_shadowing);
}

void pdpte_checks() {
    pdpte_bits("pdpte-field", true);
    pdpte_bits("pdpte-memory", false);
    absent_pdptes();
}

}  // namespace conformance::checks
