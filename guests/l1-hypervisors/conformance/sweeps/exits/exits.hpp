// The parts of the topic "exits": L2 executes one thing, with the control that makes it exit and without.
#pragma once

#include "sweeps/guest.hpp"

namespace conformance::exits {

inline constexpr char topic[] = "exits";

void sweep_instructions();

}  // namespace conformance::exits
