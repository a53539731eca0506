#include "entry_checks.hpp"

#include "refusals.hpp"
#include "rooms.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;

std::optional<CheckedVmcs12> check_entry_anew(const Cpu& cpu, Vmcs12& v, L1Mode mode, CheckResult& failure,
                                              VmInstructionError& error) {
    const Capabilities& offered = cpu.machine->offered;
    switch (cpu.machine->policy.entry_checks) {
        case EntryChecks::all: return Checker::check_all(v, offered, mode, failure, error);
        case EntryChecks::changed: return Checker::check_changed(v, offered, mode, failure, error);
        case EntryChecks::hardware: return Checker::check_for_processor(v, offered, mode, failure, error);
    }
    return std::nullopt;
}

void check_entry_state(Cpu& cpu, VmcsSlot& slot) {
    guest_state_to_image(cpu, slot);
    const CheckResult control = check_remaining_controls(cpu, slot.vmcs12);
    if (!control.passed()) return log_failed_check("by the manual, this VM entry of L1 fails: ", control);
    const GuestCheckResult state = check_guest_state_of(cpu, slot);
    if (!state.passed()) log_failed_check("by the manual, this VM entry of L1 fails: ", state);
}

void entry_checks_knob_changed(Cpu& cpu) {
    for (VmcsSlot& slot : cpu.slots) slot.vmcs12.checked = slot.vmcs12.others_checked = false;
}

}  // namespace kurma::l0
