// COMPOSE on metal: an EPT violation of L2 is filled from ept12 and ept01, or turns out to be L1's own.
#include <vmx/qualification.hpp>

#include "../cpu/vmcs.hpp"
#include "../trace/death.hpp"
#include "ept02.hpp"
#include "ept_events.hpp"
#include "l2_instruction.hpp"
#include "nested_entry.hpp"
#include "reinject.hpp"
#include "rooms.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::L1Gpa;
using ept::L2Gpa;
using Kind = ept::Resolution::Kind;

namespace {

/// L2 goes on where it was, with the event that was under way.
[[gnu::always_inline]] inline void run_on(const Cpu& cpu, VmcsSlot& slot,
                                          const CurrentVmcs<Which::vmcs02>& vmcs02, bool nmi_unblocking) {
    const InterruptionInfo event = cut_short(cpu, slot, vmcs02);
    entry_is_over(slot, vmcs02);
    reinject_after_l0_exit(vmcs02, event, nmi_unblocking);
}

Why reflect_fault(Cpu& cpu, Reason reason, Why why) {
    return reflect_to_l1(cpu, {.reason = ExitReason::of(reason), .interruption = {}, .io = {}, .msr = 0},
                         why);
}

Why reflect_violation(Cpu& cpu, VmcsSlot& slot, EptViolationQualification qualification, L2Gpa address,
                      const ept::Resolution& r) {
    const auto seen = qualification.with_permissions(r.effective);
    if (describe_virtualization_exception(cpu, slot, r.suppress_ve, seen))
        return raise_in_l2(cpu, slot, x86::Fault::ve(), Why::l2_virtualization_exception,
                           qualification.nmi_unblocking());
    if (seen.raw != qualification.raw)
        override_exit_information(cpu, slot, field::exit_qualification, seen.raw);
    slot.prefill = {.wanted = cpu.machine->policy.ept02_prefill ? qualification.wanted() : ept::Access::none,
                    .address = address};
    return reflect_fault(cpu, Reason::ept_violation, Why::l2_ept12_violation);
}

[[gnu::noinline]] void fill_around(Cpu& cpu, Ept02& ept02, L2Gpa address) {
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    ept02.shadow.fill_around(world, ept02.eptp12, ept02.rules, address,
                             cpu.machine->policy.ept02_fault_around);
}

/// One attempt, and what it owes to the processor paid.
[[gnu::always_inline]] inline ept::Resolution attempt(Cpu& cpu, Ept02& ept02, L2Gpa address,
                                                      ept::Access wanted, ept::Flags flags) {
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    const Policy& policy = cpu.machine->policy;
    ept::Resolution r = ept02.shadow.resolve(world, ept02.eptp12, ept02.rules, address, wanted,
                                             policy.ept02_large_pages, flags);
    r.debt.pay([&] { execute_invept_single(cpu, ept02.eptp02); });
    return r;
}

/// For an access that L2 has made.
[[gnu::always_inline]] inline ept::Resolution resolve(Cpu& cpu, const VmcsSlot& slot, Ept02& ept02,
                                                      L2Gpa address, ept::Access wanted) {
    // Without accessed and dirty flags nothing is logged, whatever L1 says.
    const bool log_full =
        ept02.eptp12.accessed_dirty() && logs_modifications(slot) && modification_log_full(slot);
    ept::Resolution r = attempt(cpu, ept02, address, wanted, log_full ? ept::Flags::keep : ept::Flags::set);
    if (cpu.machine->policy.ept02_fault_around != 1 && r.kind == Kind::filled) [[unlikely]]
        fill_around(cpu, ept02, address);
    return r;
}

/// What an attempt comes to. Nothing: L0 has made room, and it is to be tried again.
std::optional<Why> settle(Cpu& cpu, VmcsSlot& slot, EptViolationQualification qualification, L2Gpa address,
                          const ept::Resolution& r) {
    switch (r.kind) {
        case Kind::filled:
        case Kind::again:
            run_on(cpu, slot, make_vmcs02_current(cpu, slot), qualification.nmi_unblocking());
            return Why::l2_ept02_fill;
        case Kind::l1_violation: return reflect_violation(cpu, slot, qualification, address, r);
        case Kind::flag_needed: {
            const u64 unblocking = qualification.raw & EptViolationQualification::nmi_unblocking_bit;
            override_exit_information(cpu, slot, field::exit_reason, ExitReason::of(Reason::pml_full));
            override_exit_information(cpu, slot, field::exit_qualification, unblocking);
            return reflect_fault(cpu, Reason::pml_full, Why::l2_log_full);
        }
        case Kind::l1_misconfiguration:
            override_exit_information(cpu, slot, field::exit_reason,
                                      ExitReason::of(Reason::ept_misconfiguration));
            override_exit_information(cpu, slot, field::exit_qualification, 0);
            return reflect_fault(cpu, Reason::ept_misconfiguration, Why::l2_ept12_misconfiguration);
        case Kind::l0_fault: map_device(cpu, r.l1_address); break;
        // Other ept02s may hold the tables, so all of them go: then there are enough for any one page.
        case Kind::out_of_tables: drop_all_ept02(cpu); break;
    }
    return std::nullopt;
}

/// An access that was not filled at once, or that is the first write ept12 sees.
[[gnu::noinline]] Why go_on_from(Cpu& cpu, VmcsSlot& slot, EptViolationQualification qualification,
                                 L2Gpa address, ept::Resolution first) {
    bool dirtied = first.dirtied;
    std::optional<Why> why = settle(cpu, slot, qualification, address, first);
    while (!why) {
        const ept::Resolution r = resolve(cpu, slot, *slot.ept02, address, qualification.wanted());
        dirtied |= r.dirtied;
        why = settle(cpu, slot, qualification, address, r);
    }
    if (dirtied && *why == Why::l2_ept02_fill && logs_modifications(slot))
        log_modification(cpu, slot, address);
    return *why;
}

}  // namespace

void prefill(Cpu& cpu, VmcsSlot& slot) {
    const Prefill what = slot.prefill;
    slot.prefill = {};
    if (slot.ept02 == nullptr) return;
    // Whatever is in the way is told by L2's own access, if there is one. An L1 that maps page by page has
    // not mapped those around it.
    (void)attempt(cpu, *slot.ept02, what.address, what.wanted, ept::Flags::keep);
}

Why compose_for_l2(Cpu& cpu) {
    VmcsSlot& slot = *cpu.running;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    const EptViolationQualification qualification{read(vmcs02, field::exit_qualification)};
    const L2Gpa address{read(vmcs02, field::guest_physical_address)};
    if (slot.ept02 == nullptr) [[unlikely]] {
        // L1 does not use EPT: vmcs02 runs on ept01 itself, and what L2 calls physical is L1's.
        map_device(cpu, L1Gpa{address.value()});
        run_on(cpu, slot, vmcs02, qualification.nmi_unblocking());
        return Why::l2_ept02_fill;
    }
    ept::Resolution r = resolve(cpu, slot, *slot.ept02, address, qualification.wanted());
    if (r.kind != Kind::filled || r.dirtied) [[unlikely]]
        return go_on_from(cpu, slot, qualification, address, std::move(r));
    run_on(cpu, slot, vmcs02, qualification.nmi_unblocking());
    return Why::l2_ept02_fill;
}

}  // namespace kurma::l0
