#include "sweeps/exits/exits.hpp"

#include "sweeps/sweep.hpp"

namespace conformance {

void sweep_exits() {
    exits::sweep_instructions();
    exits::sweep_control_registers();
    exits::sweep_debug_registers();
    exits::sweep_ports();
    exits::sweep_msrs();
    exits::sweep_exceptions();
    exits::sweep_interrupts();
    exits::sweep_xsaves();
}

}  // namespace conformance
