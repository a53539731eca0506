// Which exit-information fields the manual defines for an exit (SDM 3C 28.2), and what they hold.
#pragma once

#include "random/answer.hpp"
#include "random/case.hpp"

namespace conformance::random {

void add_exit_information(Answer& answer, const Case& c, u32 exit_reason);

}  // namespace conformance::random
