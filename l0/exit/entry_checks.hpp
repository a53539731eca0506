// The knob entry_checks: which checks of an entry of L1's L0 makes itself, and when.
//
//     all        every check of the manual that L0 knows, before each entry
//     changed    controls and host state, when L1 has written a field that they look at; the processor the
//     rest hardware   the same, less what the processor finds in vmcs02 just as in vmcs12
//
// Laws: L1 has the same answers with each; what differs is who gives them, and what they cost.
// SDM:  3C 27.2, 27.3.
#pragma once

#include <vmx/check.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// The part of check_entry for a vmcs12 that L1 has changed, or if all is to be checked.
std::optional<vmx::CheckedVmcs12> check_entry_anew(const Cpu& cpu, vmx::Vmcs12& v, vmx::L1Mode mode,
                                                   vmx::CheckResult& failure, vmx::VmInstructionError& error);

/// Controls and host state, before vmcs02 is made of them.
[[gnu::always_inline]] inline std::optional<vmx::CheckedVmcs12> check_entry(const Cpu& cpu, vmx::Vmcs12& v,
                                                                            vmx::L1Mode mode,
                                                                            vmx::CheckResult& failure,
                                                                            vmx::VmInstructionError& error) {
    if (const auto proof = vmx::Checker::still_checked(v, mode)) [[likely]]
        return proof;
    return check_entry_anew(cpu, v, mode, failure, error);
}

/// The event, the virtual TPR and guest state in a vmcs02 that is ready to be entered. The log has the rule
/// that is broken; the answer is the processor's, which need not agree with the manual (Bochs 2.7 does not
/// always).
void check_entry_state(Cpu& cpu, VmcsSlot& slot);

void entry_checks_knob_changed(Cpu& cpu);

}  // namespace kurma::l0
