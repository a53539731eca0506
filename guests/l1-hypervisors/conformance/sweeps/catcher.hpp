// What arrives in a 64-bit L2 through its IDT, event by event: the entry notes it and ends L2 by VMCALL.
#pragma once

#include "sweeps/guest.hpp"

namespace conformance {

struct Caught {
    u64 count, vector, error_code, rip, cs, rflags, rsp, ss;  // error_code is all ones where none was pushed
};

// L2 gets the catching IDT, with nothing caught so far.
void catch_events();
// The address of a gate, and of the whole IDT, for cases that damage or move it.
u64& catcher_gate(u8 vector);
u64 catcher_idt();
inline constexpr u32 catcher_limit = 256 * 16 - 1;

const volatile Caught& caught();
// `caught=N`, and of the last event vector, error code, and the return address on L2's stack.
void append_caught(Text& text);

}  // namespace conformance
