// What is known when a run ends badly, for a person, in the log: registers, a VMCS by name, the last turns.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// Every field of the VMCS that is current, by name.
void dump_current_vmcs(const Cpu& cpu, const char* name);
void dump_vmcs12(const vmx::Vmcs12& vmcs12);
void dump_last_turns(const Cpu& cpu);
void dump_gprs(const Gprs& gprs);

}  // namespace kurma::l0
