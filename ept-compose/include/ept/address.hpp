// Addresses that know which memory they speak of.
//
// In, out: 64-bit numbers, made explicitly.
// Never:   an address of one space turns into an address of another; only a walk does that.
// SDM:     3C 29.3.2 (page sizes of EPT).
#pragma once

#include <compare>
#include <ept/integer.hpp>

namespace kurma::ept {

// host: the machine's memory. l1: what L1 takes for the machine's memory. l2: what L2 takes for it.
enum class Space : u8 { host, l1, l2 };

enum class PageSize : u8 { k4, m2, g1 };

inline constexpr unsigned page_shift = 12;
inline constexpr unsigned index_bits = 9;
inline constexpr u64 entries_per_table = u64{1} << index_bits;

// A level is the number of tables below an entry, plus one: 4 is the root table, 1 holds 4K leaves.
inline constexpr unsigned root_level = 4;
inline constexpr unsigned last_level = 1;

constexpr unsigned shift_at(unsigned level) { return page_shift + index_bits * (level - last_level); }
constexpr unsigned level_of(PageSize size) { return static_cast<unsigned>(size) + last_level; }
constexpr PageSize size_at(unsigned level) { return static_cast<PageSize>(level - last_level); }
constexpr u64 bytes(PageSize size) { return u64{1} << shift_at(level_of(size)); }
constexpr PageSize smaller(PageSize a, PageSize b) { return a < b ? a : b; }

// An address beyond this many bits has no translation in a four-level walk.
inline constexpr unsigned translated_bits = page_shift + index_bits * root_level;

template <Space S>
class Address {
  public:
    static constexpr Space space = S;

    constexpr Address() = default;
    constexpr explicit Address(u64 value) : value_(value) {}

    [[nodiscard]] constexpr u64 value() const { return value_; }
    [[nodiscard]] constexpr u64 offset(PageSize size) const { return value_ & (bytes(size) - 1); }
    // The start of the page of that size which holds this address.
    [[nodiscard]] constexpr Address aligned(PageSize size) const { return Address{value_ - offset(size)}; }
    [[nodiscard]] constexpr Address page() const { return aligned(PageSize::k4); }
    [[nodiscard]] constexpr bool is_aligned(PageSize size) const { return offset(size) == 0; }

    constexpr Address operator+(u64 distance) const { return Address{value_ + distance}; }
    constexpr auto operator<=>(const Address&) const = default;

  private:
    u64 value_ = 0;
};

using Hpa = Address<Space::host>;
using L1Gpa = Address<Space::l1>;
using L2Gpa = Address<Space::l2>;

// Where, in the table of that level, the entry for an address lies: a distance in bytes.
constexpr u64 entry_offset(u64 address, unsigned level) {
    return ((address >> shift_at(level)) & (entries_per_table - 1)) * sizeof(u64);
}

static_assert(bytes(PageSize::k4) == 0x1000 && bytes(PageSize::m2) == 0x20'0000);
static_assert(bytes(PageSize::g1) == 0x4000'0000 && translated_bits == 48);
static_assert(size_at(level_of(PageSize::m2)) == PageSize::m2);
static_assert(smaller(PageSize::g1, PageSize::k4) == PageSize::k4);
static_assert(Hpa{0x12'3456}.page() == Hpa{0x12'3000} && Hpa{0x12'3456}.offset(PageSize::k4) == 0x456);
static_assert(entry_offset(0xFFFF'FFFF'F000, root_level) == 0xFF8 && entry_offset(0x1000, last_level) == 8);

}  // namespace kurma::ept
