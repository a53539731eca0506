// The local APIC in its memory-mapped form (SDM 3A 11.4).
#pragma once

#include "base/integer.hpp"

namespace kit::apic {

inline constexpr u64 base = 0xFEE00000;
inline constexpr u64 end_of_interrupt = 0xB0, spurious_vector = 0xF0, command_low = 0x300,
                     command_high = 0x310, timer_vector = 0x320, timer_count = 0x380, timer_divider = 0x3E0,
                     identity = 0x20;
inline constexpr u32 software_enable = 1 << 8;
inline constexpr u32 to_self = 1 << 18;  // destination shorthand "self", fixed delivery

inline constexpr u32 deliver_nmi = 4 << 8, level_assert = 1 << 14;
inline constexpr u32 divide_by_1 = 0xB;

inline void write(u64 reg, u32 value) { *reinterpret_cast<volatile u32*>(base + reg) = value; }
inline u32 read(u64 reg) { return *reinterpret_cast<volatile u32*>(base + reg); }
inline void acknowledge() { write(end_of_interrupt, 0); }
inline void interrupt_self(u8 vector) { write(command_low, to_self | vector); }

}  // namespace kit::apic
