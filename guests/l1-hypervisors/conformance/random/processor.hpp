// What this processor can do: read once, before the first case.
#pragma once

#include "random/image.hpp"

namespace conformance::random {

struct Processor {
    u32 physical_width = 0;  // bits of an address
    // Controls that must be set, and secondary ones that may be.
    u32 pin = 0, primary = 0, secondary = 0, exit = 0, entry = 0;
    u64 secondary_allowed = 0;
    bool has_ept_flags = false;  // accessed and dirty flags in EPT
    SlotList written, guest_state;
};
extern Processor processor;

void look_at_processor();

}  // namespace conformance::random
