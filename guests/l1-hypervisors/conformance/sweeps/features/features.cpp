#include "sweeps/features/features.hpp"

#include "sweeps/sweep.hpp"

namespace conformance {

void sweep_features() {
    features::sweep_task_priority();
    features::sweep_apic_accesses();
    features::sweep_virtual_interrupts();
    features::sweep_x2apic();
    features::sweep_vm_functions();
    features::sweep_virtualization_exceptions();
    features::sweep_page_log();
    features::sweep_time_stamps();
    features::sweep_shadowing();
    features::sweep_processor_identifiers();
    features::sweep_traps();
}

}  // namespace conformance
