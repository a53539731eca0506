// The parts of the topic "features": what a processor may offer beyond the first VMX, each alone. A part
// prints the same names on every model: a feature that is not offered answers `absent`.
#pragma once

#include "sweeps/guest.hpp"

namespace conformance::features {

inline constexpr char topic[] = "features";

void sweep_task_priority();
void sweep_apic_accesses();
void sweep_virtual_interrupts();
void sweep_x2apic();
void sweep_vm_functions();
void sweep_virtualization_exceptions();
void sweep_page_log();
void sweep_time_stamps();
void sweep_shadowing();
void sweep_processor_identifiers();
void sweep_traps();

}  // namespace conformance::features
