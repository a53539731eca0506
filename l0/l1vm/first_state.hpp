// The registers with which L1 begins: flat 32-bit protected mode without paging, as both boot protocols want
// it.
#pragma once

#include "../cpu/cpu.hpp"
#include "payload.hpp"

namespace kurma::l0::l1vm {

/// Writes vmcs01's guest state, which must be current, and the general registers.
void write_first_state(Cpu& cpu, const StartState& start);

}  // namespace kurma::l0::l1vm
