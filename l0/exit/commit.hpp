// COMMIT: the VMCS of the level that runs next becomes current.
//
// Out:   true if that VMCS wants VMLAUNCH, false for VMRESUME.
// Never: leaves an event of L0's undelivered.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

bool commit(Cpu& cpu);

}  // namespace kurma::l0
