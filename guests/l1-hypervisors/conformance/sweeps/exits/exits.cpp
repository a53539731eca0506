#include "sweeps/exits/exits.hpp"

#include "sweeps/sweep.hpp"

namespace conformance {

void sweep_exits() { exits::sweep_instructions(); }

}  // namespace conformance
