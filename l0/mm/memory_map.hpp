// The machine's memory as the firmware describes it, and the part that L0 keeps.
#pragma once

#include <array>
#include <ept/address.hpp>

namespace kurma::l0::mm {

/// Range types of Multiboot 1 and of E820 alike.
enum class RangeType : u32 { available = 1, reserved = 2, acpi_reclaimable = 3, acpi_nvs = 4, bad = 5 };

struct Range {
    u64 base = 0, size = 0;
    RangeType type = RangeType::reserved;

    constexpr u64 end() const { return base + size; }
    constexpr bool contains(u64 address) const { return address - base < size; }
    constexpr bool overlaps(u64 other_base, u64 other_size) const {
        return base < other_base + other_size && other_base < end();
    }
};

/// Ranges in the order of their addresses.
class MemoryMap {
  public:
    static constexpr usize capacity = 64;

    /// False if there are more ranges than the map holds.
    bool add(Range range);
    /// Turns part of an available range into a reserved one. The part must lie within one range.
    bool reserve(u64 base, u64 size);
    /// The highest available stretch of `size` bytes below `limit`, aligned; 0 if there is none.
    u64 find_highest(u64 size, u64 alignment, u64 limit) const;
    u64 available_bytes() const;
    /// One past the last byte of any available range.
    u64 top() const;

    const Range* begin() const { return ranges_.data(); }
    const Range* end() const { return ranges_.data() + count_; }
    usize count() const { return count_; }

  private:
    std::array<Range, capacity> ranges_{};
    usize count_ = 0;
};

}  // namespace kurma::l0::mm
