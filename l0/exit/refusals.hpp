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
