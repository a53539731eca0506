// The VMX capability MSRs, as they read.
#include "console/console.hpp"
#include "cpu/instructions.hpp"
#include "cpu/traps.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {

void sweep_capabilities() {
    constexpr u32 first = 0x480, last = 0x491;
    for (u32 number = first; number <= last; ++number) {
        u64 value = 0;
        const Fault fault = guarded([&] { value = rdmsr(number); });
        if (fault.happened)
            print("case capabilities/msr-", hex(number), ": exception ", fault.vector, "\n");
        else
            print("case capabilities/msr-", hex(number), ": ", hex(value), "\n");
    }
}

}  // namespace conformance
