// L1's segments: one GDT with kernel, user and task-state descriptors, used by L1 and, by agreement, by
// its L2s.
#pragma once

#include "base/integer.hpp"

namespace kit {

inline constexpr u16 kernel_code = 0x08, kernel_data = 0x10, user_data = 0x18 | 3, user_code = 0x20 | 3,
                     task = 0x28;

void load_segments();
u64 gdt_base();
u16 gdt_limit();
u64 task_base();

}  // namespace kit
