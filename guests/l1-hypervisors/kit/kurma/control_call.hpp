// Kurma's control call: how a program in L1 reads L0's counters. Absent on the bare machine.
#pragma once

#include "base/integer.hpp"

namespace kit {

inline constexpr u64 control_call_signature = 0x414D52554B;  // "KURMA", first letter in the lowest byte
inline constexpr u64 control_call_refused = ~u64{0};

enum class ControlFunction : u64 {
    latch_totals = 0,
    read_total = 1,
    reset_reasons = 2,
    l0_base = 3,
    l0_size = 4
};

// What L0 executed on the real processor, in the order of control function 1.
enum class Total : u64 { exits, vmread, vmwrite, vmptrld, vmclear, vmlaunch, vmresume, invept, invvpid };
inline constexpr u64 total_count = 9;
extern const char* const total_names[total_count];

struct Totals {
    u64 of[total_count];
};

bool kurma_is_present();
// Only when Kurma is present: on the bare machine VMCALL is #UD or, in VMX root operation, VMfail.
u64 control_call(ControlFunction function, u64 argument = 0);
Totals latch_totals();

// L0's own memory, as it tells; false where there is no Kurma, or one that does not tell.
struct HiddenMemory {
    u64 base, size;
};
bool find_hidden_memory(HiddenMemory& memory);

}  // namespace kit
