// What L2 owns in the program's image: page tables (its own identity map of 4 GiB), an IDT, and pieces of
// code.
#pragma once

#include "base/integer.hpp"

namespace kit::l2 {

u64 page_tables();
u64 idt_base();
u16 idt_limit();

// What L2's own interrupt and exception handlers saw.
struct Delivery {
    u64 count, vector, error_code, rip;
};
volatile Delivery& delivery();

}  // namespace kit::l2
