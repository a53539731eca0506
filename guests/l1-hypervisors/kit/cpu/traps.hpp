// Exceptions and interrupts of L1 itself. An exception inside guarded(...) ends that call and is returned;
// one outside is fatal.
#pragma once

#include "base/integer.hpp"

namespace kit {

enum Vector : u8 {
    vector_db = 1,
    vector_bp = 3,
    vector_ud = 6,
    vector_nm = 7,
    vector_ss = 12,
    vector_gp = 13,
    vector_pf = 14,
};

struct Fault {
    bool happened = false;
    u64 vector = 0, error_code = 0, rip = 0, cr2 = 0;
};

struct TrapFrame {
    u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    u64 vector, error_code, rip, cs, rflags, rsp, ss;
};

void load_traps();
u64 idt_base();
u16 idt_limit();
// Sends a vector to `handler`, a bare interrupt routine that ends in IRETQ; nullptr gives it back to the
// common one.
void set_vector(u8 vector, void (*handler)());

// Interrupts that the common handler has taken and acknowledged so far.
u64 l1_interrupt_count();

// Runs function(context); an exception in it is returned instead of being fatal.
Fault guarded_call(void (*function)(void*), void* context);

template <typename Body>
Fault guarded(Body body) {
    return guarded_call([](void* context) { (*static_cast<Body*>(context))(); }, &body);
}

// Runs the code at `code` at CPL 3, inside a guard: it ends by its own fault, or by INT3 if nothing else
// faulted.
Fault run_in_user_mode(void (*code)());

}  // namespace kit
