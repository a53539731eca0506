// L0's own page tables, and its move to the memory it keeps.
#pragma once

#include "memory_map.hpp"
#include "pages.hpp"

namespace kurma::l0::mm {

/// The memory that L0 keeps from L1.
struct Reserved {
    ept::Hpa base{0};
    u64 size = 0;

    constexpr bool contains(u64 address) const { return address - base.value() < size; }
};

inline constexpr u64 reserved_bytes = u64{32} << 20;
inline constexpr u64 reserved_alignment = u64{2} << 20;
inline constexpr u64 four_gib = u64{1} << 32;

/// Copies the image to the start of `reserved`, switches to new page tables there, and leaves the rest of it
/// in `pages`.
void move_to(const Reserved& reserved, const MemoryMap& map, Pages& pages);

/// Size of L0's image in memory, in bytes.
u64 image_bytes();

}  // namespace kurma::l0::mm
