// Knobs while L1 runs: what a change needs to be possible, and who must hear of it.
//
// In:    a knob and a value as people write them, between two turns' rooms: nothing of L2's entry is under
// way. Out:   the policy with the new value, and its owner told; or a reason, and nothing changed. Never:
// loses what L1 or L2 has done under the old value.
#pragma once

#include <string_view>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// Why a change was refused, in two parts to be read as one sentence. Both are null where it was not.
struct KnobRefusal {
    const char *reason = nullptr, *about = nullptr;
    bool refused() const { return reason != nullptr; }
};

/// What of a policy this machine cannot do, and what to do instead; null if it can do all of it.
const char* impossible_here(const Machine& machine, const vmx::Policy& policy);

/// Makes of a policy what L0 works by: `best` becomes what the processor has.
void resolve(const Machine& machine, vmx::Policy& policy);

/// Changes one knob while L1 runs. It holds from the next turn on.
KnobRefusal change_knob(Cpu& cpu, std::string_view knob, std::string_view value);

}  // namespace kurma::l0
