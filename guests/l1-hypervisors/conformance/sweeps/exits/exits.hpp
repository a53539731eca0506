// The parts of the topic "exits": L2 executes one thing, with the control that makes it exit and without.
#pragma once

#include "sweeps/guest.hpp"

namespace conformance::exits {

inline constexpr char topic[] = "exits";

void sweep_instructions();
void sweep_control_registers();
void sweep_debug_registers();
void sweep_ports();
void sweep_msrs();
void sweep_exceptions();
void sweep_interrupts();
void sweep_xsaves();

}  // namespace conformance::exits
