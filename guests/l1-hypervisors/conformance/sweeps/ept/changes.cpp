// Entries that change between two entries of the guest, and violations while an IRET gives up the blocking of
// NMIs (SDM 3C 29.4.3, 28.2.3).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"
#include "l2/snippets.hpp"
#include "sweeps/ept/ept.hpp"

namespace conformance::ept {

extern "C" const Form forms_iret[];

namespace {

struct Change {
    const char* name;
    u64 before, after;
    bool invalidates;
};

constexpr u64 all = ept_entry::all, read = ept_entry::read, write = ept_entry::write;

// More rights and present instead of absent need no INVEPT after a violation; fewer rights do.
constexpr Change changes[] = {
    {"map-after-violation", 0, all, false},
    {"map-after-violation-and-invept", 0, all, true},
    {"widen-after-violation", read, all, false},
    {"take-write-away", all, read, true},
    {"take-all-away", all, 0, true},
    {"misconfigure", all, write, true},
    {"repair", write, all, true},
};

void apply(const Change& change, Level level, Access access) {
    const Text first("change/", change.name, "/", name_of(level), "/", name_of(access), "/before"),
        second("change/", change.name, "/", name_of(level), "/", name_of(access), "/after");
    Vcpu& vcpu = about_to(access, false);
    const u64 rip = vmread(field::guest_rip), rsp = vmread(field::guest_rsp);
    const GuestRegisters registers = vcpu.registers;
    u64& entry = entry_of(level);
    entry = (entry & ~all) | change.before;
    invalidate();
    enter_and_print(first, vcpu);
    entry = (entry & ~all) | change.after;
    if (change.invalidates) invalidate();
    vmwrite(field::guest_rip, rip);
    vmwrite(field::guest_rsp, rsp);
    vcpu.registers = registers;
    enter_and_print(second, vcpu);
}

struct Return {
    const char* name;
    u32 pin;
    u64 blocking;
};

constexpr u64 by_nmi = bit(3);
constexpr Return returns[] = {
    {"plain", 0, 0},
    {"nmi-blocked", 0, by_nmi},
    {"nmi-exiting-blocked", pin::nmi, by_nmi},
    {"virtual", pin::nmi | pin::virtual_nmis, 0},
    {"virtual-blocked", pin::nmi | pin::virtual_nmis, by_nmi},
};

// IRET takes its frame from the page.
void return_from_page(const Return& r, bool mapped_at_once) {
    const Text name("iret/", r.name, mapped_at_once ? "/mapped" : "/absent"),
        again("iret/", r.name, mapped_at_once ? "/mapped" : "/absent", "/again");
    if (!is_offered({.pin = r.pin})) {
        print_absent(topic, name);
        return print_absent(topic, again);
    }
    Vcpu& vcpu = about_to(Access::read, false);
    vmwrite(field::pin_controls, vmread(field::pin_controls) | r.pin);
    const u64 frame_of_iret[] = {reinterpret_cast<u64>(&l2_finish), kernel_code, rflags_reserved1,
                                 vmread(field::guest_rsp), kernel_data};
    for (u64 i = 0; i < 5; ++i) at_address<u64>(frame())[i] = frame_of_iret[i];
    vmwrite(field::guest_rip, reinterpret_cast<u64>(forms_iret[0].code));
    vmwrite(field::guest_rsp, vcpu.registers.rdi);
    vmwrite(field::guest_interruptibility, r.blocking);
    if (!mapped_at_once) entry_of(Level::pte) = 0;
    invalidate();
    enter_and_print(name, vcpu);
    entry_of(Level::pte) = frame() | all | ept_entry::write_back;
    invalidate();
    enter_and_print(again, vcpu);
}

}  // namespace

void sweep_changes() {
    for (const Change& change : changes)
        for (const Level level : levels)
            for (const Access access : {Access::write, Access::fetch, Access::walk_write})
                apply(change, level, access);
    for (const Return& r : returns)
        for (const bool mapped : {false, true}) return_from_page(r, mapped);
}

}  // namespace conformance::ept
