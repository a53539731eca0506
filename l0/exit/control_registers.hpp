// MOV to CR0 and CR4 by L1, where it changes a bit that VMX operation fixes. Everything else L1 does to its
// control registers happens without an exit.
#pragma once

#include "l1_world.hpp"

namespace kurma::l0 {

vmx::InstrOutcome answer_cr_access(Cpu& cpu, L1World& world);

}  // namespace kurma::l0
