// RFLAGS bits (SDM 1 3.4.3).
#pragma once

#include <ept/integer.hpp>

namespace kurma::x86::rflags {

inline constexpr u64 cf = 1u << 0;
inline constexpr u64 reserved_one = 1u << 1;
inline constexpr u64 pf = 1u << 2;
inline constexpr u64 af = 1u << 4;
inline constexpr u64 zf = 1u << 6;
inline constexpr u64 sf = 1u << 7;
inline constexpr u64 tf = 1u << 8;
inline constexpr u64 intf = 1u << 9;
inline constexpr u64 of = 1u << 11;
inline constexpr u64 rf = 1u << 16;
inline constexpr u64 vm = 1u << 17;
inline constexpr u64 ac = 1u << 18;
/// Bits that are always 0.
inline constexpr u64 reserved_zero = ~u64{0x3f'ffff} | 1u << 15 | 1u << 5 | 1u << 3;
/// The six flags that every VMX instruction writes (SDM 3C 31.2).
inline constexpr u64 arithmetic = cf | pf | af | zf | sf | of;

}  // namespace kurma::x86::rflags
