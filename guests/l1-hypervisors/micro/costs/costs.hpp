// mode=costs: what each operation costs, in ticks seen from the guest and, under Kurma, in what L0 executed
// for it.
#pragma once

#include "base/integer.hpp"
#include "costs/loops.hpp"
#include "kurma/control_call.hpp"

namespace micro {

using namespace kit;

inline constexpr u64 warm_up_count = 16;
inline constexpr u64 sample_count = 200;

struct LoopArguments {
    u64 a = 0, b = 0, c = 0;
    u32 expected_reason = 0;
};

// One way of running `count` turns of a loop: directly, or in an L2.
struct Runner {
    void (*run)(void* context, LoopFunction* loop, u64* samples, u64 count);
    void* context;
};

// Runs the empty loop and the loop (each warm), prints the line.
void measure(const char* level, const char* operation, const Loop& loop, const Runner& runner);

void print_costs();
void print_l1_costs();
void print_l2_costs();

// mode=rounds: nothing but `count` rounds (or a few more) of an L2's CPUID with the usual handler, so that
// what runs below can be counted from outside, as the difference between a run with many and one with few.
void run_rounds(u64 count);

// mode=rounds op=NAME: one row's operation, warmed up and then `sample_count` times, and no other, so that a
// trace of the last turns shows it alone.
void run_operation(const char* level, const char* operation);

}  // namespace micro
