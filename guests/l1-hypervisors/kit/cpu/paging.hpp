// A window of 4 KiB pages at 512 GiB, beside the identity map, for operands on chosen, split or missing
// pages.
#pragma once

#include "base/integer.hpp"

namespace kit::window {

inline constexpr u64 base = u64{1} << 39;
inline constexpr u64 page_count = 16;

constexpr u64 page(u64 number) { return base + number * page_size; }
void open();
void map(u64 number, u64 physical);
void map_read_only(u64 number, u64 physical);
void unmap(u64 number);

}  // namespace kit::window
