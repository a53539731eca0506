// COMPOSE on metal: an EPT violation of L2 is filled from ept12 and ept01, or turns out to be L1's own.
#include <vmx/qualification.hpp>

#include "../cpu/vmcs.hpp"
#include "../trace/death.hpp"
#include "ept02.hpp"
#include "reinject.hpp"
#include "rooms.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::L1Gpa;
using ept::L2Gpa;
using Kind = ept::Resolution::Kind;

namespace {

Why reflect_fault(Cpu& cpu, Reason reason, Why why) {
    return reflect_to_l1(cpu, {.reason = ExitReason::of(reason), .interruption = {}, .io = {}, .msr = 0},
                         why);
}

}  // namespace

Why compose_for_l2(Cpu& cpu) {
    VmcsSlot& slot = *cpu.running;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    const EptViolationQualification qualification{read(vmcs02, field::exit_qualification)};
    const u64 address = read(vmcs02, field::guest_physical_address);
    if (slot.ept02 == nullptr) {
        // L1 does not use EPT: vmcs02 runs on ept01 itself, and what L2 calls physical is L1's.
        map_device(cpu, L1Gpa{address});
        reinject_after_l0_exit(vmcs02, qualification.nmi_unblocking());
        return Why::l2_ept02_fill;
    }
    Ept02& ept02 = *slot.ept02;
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    for (;;) {
        ept::Resolution r =
            ept02.shadow.resolve(world, ept02.eptp12, cpu.machine->offered.ept(), L2Gpa{address},
                                 qualification.wanted(), cpu.machine->policy.ept02_large_pages);
        r.debt.pay([&] { execute_invept_single(cpu, ept02.eptp02); });
        switch (r.kind) {
            case Kind::filled:
            case Kind::again:
                reinject_after_l0_exit(vmcs02, qualification.nmi_unblocking());
                return Why::l2_ept02_fill;
            case Kind::l1_violation: {
                const auto seen = qualification.with_permissions(r.effective);
                if (seen.raw != qualification.raw)
                    override_exit_information(cpu, slot, field::exit_qualification, seen.raw);
                return reflect_fault(cpu, Reason::ept_violation, Why::l2_ept12_violation);
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
    }
}

}  // namespace kurma::l0
