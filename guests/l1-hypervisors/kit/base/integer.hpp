// Integer names of the kit, which shares no header with Kurma so that neither can lean on the other's
// mistakes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace kit {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using usize = std::size_t;

inline constexpr u64 page_size = 4096;
inline constexpr u64 large_page_size = 2 * 1024 * 1024;

constexpr u64 bit(unsigned number) { return u64{1} << number; }

}  // namespace kit
