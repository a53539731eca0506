// The VMX capability MSRs and IA32_FEATURE_CONTROL as L1 sees them.
#pragma once

#include <vmx/outcome.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// Whether L0 answers for this MSR instead of the processor.
bool is_vmx_msr(u32 msr);
/// An MSR of performance monitoring while L0 counts an event (perf/event.hpp).
bool is_hidden_msr(const Cpu& cpu, u32 msr);
/// The value that RDMSR gives L1; false if RDMSR is to fault.
bool vmx_msr_value(const Cpu& cpu, u32 msr, u64& value);
/// RDMSR or WRMSR of one of them, by L1 or by an L2 that L1 lets at it.
vmx::InstrOutcome answer_vmx_msr(const Cpu& cpu, Gprs& gprs, vmx::Reason reason);
/// Sets an MSR's bits, read and write, in L0's bitmap.
void intercept_msr(ept::Hpa bitmap, u32 msr);
/// The same for all of these MSRs.
void intercept_vmx_msrs(ept::Hpa bitmap);

}  // namespace kurma::l0
