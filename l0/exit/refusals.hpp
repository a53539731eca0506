// A refused VM entry says in the log which check of the manual it was, and which value: where the processor
// refused, too.
//
// In:    what refused: L0's checks, or the processor with error 7, reason 33 or reason 34.
// Out:   a line in L0's log; the error number that the manual's order of checks gives.
// SDM:   3C 27.2 to 27.4.
#pragma once

#include <vmx/check.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// The first word of a VMCS region of L1's, if there is memory.
std::optional<u32> first_word_at(const Cpu& cpu, u64 region);

/// What of the controls the processor checks in vmcs02: the virtual TPR, the event, entry to SMM. vmcs12's
/// image must hold guest CR0.
vmx::CheckResult check_remaining_controls(const Cpu& cpu, const vmx::Vmcs12& v);
/// Guest state, whose fields vmcs12's image must hold.
vmx::GuestCheckResult check_guest_state_of(const Cpu& cpu, const VmcsSlot& slot);
/// A line with the rule that is broken, and the value.
void log_failed_check(const char* verdict, const vmx::CheckResult& failure);
void log_failed_check(const char* verdict, const vmx::GuestCheckResult& failure);

/// L0's own checks have refused. The event to inject and the virtual TPR, which the processor would look at
/// next, are controls, and so come before host state.
[[gnu::noinline]] vmx::InstrOutcome refused_by_checks(Cpu& cpu, VmcsSlot& slot,
                                                      const vmx::CheckResult& failure,
                                                      vmx::VmInstructionError error);
/// The processor has refused vmcs02 with error 7.
void name_refused_controls(Cpu& cpu, VmcsSlot& slot);
/// The processor has failed the entry with this reason.
void name_failed_entry(Cpu& cpu, VmcsSlot& slot, vmx::Reason reason);

}  // namespace kurma::l0
