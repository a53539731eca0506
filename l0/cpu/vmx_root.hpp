// Entering VMX operation, and the parts of VMCSs that are L0's own.
#pragma once

#include "cpu.hpp"
#include "vmcs.hpp"

namespace kurma::l0 {

/// VMXON on this processor; vmcs01 gets L0's fields and the controls by which L1 runs.
void enter_vmx_operation(Cpu& cpu);

/// A page with the processor's VMCS revision, cleared.
ept::Hpa make_vmcs(Cpu& cpu);
/// The same as a shadow VMCS: it can be linked to, not entered.
ept::Hpa make_shadow_vmcs(Cpu& cpu);

/// Writes what every VMCS of this processor has in common: L0's host state, no MSR areas, no linked VMCS.
void write_common(const Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs);
void write_common(const Cpu& cpu, const CurrentVmcs<Which::vmcs02>& vmcs);

}  // namespace kurma::l0
