// Measuring loops. The same code runs in L1 and in L2; each comes twice, with the operation and with nothing
// in its place.
#pragma once

#include "base/integer.hpp"

namespace micro {

using namespace kit;

// Stores `count` differences of RDTSC. a, b, c are the operation's own; `expected_reason` stays in R12, for
// L1's handler.
using LoopFunction = void(u64* samples, u64 count, u64 a, u64 b, u64 c, u64 expected_reason);

struct Loop {
    LoopFunction* with;
    LoopFunction* without;
};

#define MICRO_LOOPS(L)                                                                                    \
    L(cpuid)                                                                                              \
    L(vmcall)                                                                                             \
    L(rdmsr)                                                                                              \
    L(wrmsr)                                                                                              \
    L(out)                                                                                                \
    L(in)                                                                                                 \
    L(hlt)                                                                                                \
    L(pending_hlt)                                                                                        \
    L(mov_cr0)                                                                                            \
    L(mov_cr3)                                                                                            \
    L(mov_cr4) L(xsetbv) L(vmread) L(vmwrite) L(vmptrld) L(vmclear) L(invept) L(invvpid) L(load) L(touch) \
        L(interrupt)

#define MICRO_DECLARE_LOOP(name) extern "C" LoopFunction loop_##name, loop_##name##_empty;
MICRO_LOOPS(MICRO_DECLARE_LOOP)
#undef MICRO_DECLARE_LOOP

namespace loops {
#define MICRO_NAME_LOOP(name) inline constexpr Loop name = {&loop_##name, &loop_##name##_empty};
MICRO_LOOPS(MICRO_NAME_LOOP)
#undef MICRO_NAME_LOOP
}  // namespace loops

}  // namespace micro
