// A fresh L2 for one case, and the words that cases of several topics add to an answer.
#pragma once

#include "sweeps/answer.hpp"

namespace conformance {

// One L2 routine with its name; tables of these are made in assembly and end with a null name.
struct Form {
    const char* name;
    void (*code)();
};

inline constexpr u32 every_exception = ~0u;

// Whether the processor has every control that is asked for.
bool is_offered(const VcpuOptions& options);

// the_vcpu(), with an L2 that starts at `code`. Every exception in it exits, so that no fault repeats for
// ever in a handler that only returns; a case that wants its L2 to take them clears the bitmap.
Vcpu& fresh(void (*code)(), const VcpuOptions& options = {});

// What L2's code finds in its registers unless the case says otherwise: RDI, RBX, RBP, R12 and R13 point into
// scratch memory (at 0, 0x100, 0x200, 0, 0x400), RCX = 4, R9 = 8, RSI = 1.
inline constexpr u64 scratch_size = 4 * page_size;
u8* scratch();
void clear_scratch();
void point_at_scratch(GuestRegisters& registers);

// RAX, RCX, RDX, R9, and the first words of scratch memory that are not zero any more.
void append_results(Text& text, const GuestRegisters& registers);

// L2 goes on at CPL 3 (on page tables that allow it).
void run_at_user_level();

// Tells the processor that tables of this EPTP were rewritten; a VMCS must be current.
void invalidate_ept(u64 pointer);

// `case TOPIC/NAME: absent`, so that each model prints the same names.
void print_absent(const char* topic, const Text& name);

}  // namespace conformance
