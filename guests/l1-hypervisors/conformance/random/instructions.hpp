// What L2 executes first: one instruction that exits, faults or does nothing; VMCALLs follow.
#pragma once

#include "random/case.hpp"

namespace conformance::random {

extern const Instruction plain_vmcall, halt;

// And the registers that it looks at.
void choose_instruction(Case& c, Chance& chance);

}  // namespace conformance::random
