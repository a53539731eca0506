// mode=random: near-valid VMCSs by chance, each entered once, and all that the manual defines about what came
// of it.
#pragma once

#include "boot/command_line.hpp"

namespace conformance {

// seed=S first=I count=N [detail=1] [mutations=MASK [last-mutations=MASK]]: a line `random INDEX HASH` a
// case.
void run_random(const kit::CommandLine& command_line);
// The same cases, and only how many came to which end.
void run_random_summary(const kit::CommandLine& command_line);

}  // namespace conformance
