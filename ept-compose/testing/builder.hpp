// A valid ept12 that a test then changes in one place. Its bits are spelled out here and not taken from
// Entry, so that one can check the other.
#pragma once

#include <testing/world.hpp>

namespace kurma::ept::testing {

inline constexpr u64 bit_read = 1;
inline constexpr u64 bit_write = 2;
inline constexpr u64 bit_execute = 4;
inline constexpr u64 all_rights = 7;
inline constexpr u64 type_wb = 6 << 3;
inline constexpr u64 bit_ignore_pat = 1 << 6;
inline constexpr u64 bit_large = 1 << 7;
inline constexpr u64 bit_accessed = 1 << 8;
inline constexpr u64 bit_dirty = 1 << 9;

inline Capabilities offered() { return host_capabilities; }

// L1's tables lie one after the other from tables_start on; one path of tables leads to each address mapped.
class Guest {
  public:
    static constexpr u64 tables_start = 0x10'0000;
    static constexpr u64 tables_end = 0x20'0000;
    static constexpr u64 host_distance = 0x1'0000'0000;  // L1's low memory is not where L1 believes it to be

    explicit Guest(World& world) : world_(world) {
        world.map01(L1Gpa{0}, {.page = Hpa{host_distance}, .size = PageSize::m2, .access = Access::all});
        root_ = next_table();
    }

    // The leaf entry's bits, but for its address and bit 7.
    L1Gpa map12(L2Gpa from, L1Gpa to, PageSize size, u64 bits = all_rights | type_wb) {
        const L1Gpa at = entry_of(from, size);
        world_.write_l1(at, to.value() | bits | (size == PageSize::k4 ? 0 : bit_large));
        return at;
    }

    // The address of the entry at the level of a page size; makes the tables above it.
    L1Gpa entry_of(L2Gpa address, PageSize size) {
        L1Gpa table = root_;
        for (unsigned level = 4;; --level) {
            const L1Gpa at = table + (address.value() >> (12 + 9 * (level - 1)) & 511) * 8;
            if (level == static_cast<unsigned>(size) + 1) return at;
            u64 entry = world_.peek_l1(at).value();
            if (entry == 0) {
                entry = next_table().value() | all_rights;
                world_.write_l1(at, entry);
            }
            table = L1Gpa{entry & 0x000F'FFFF'FFFF'F000};
        }
    }

    [[nodiscard]] L1Gpa root() const { return root_; }
    [[nodiscard]] Eptp eptp12(bool accessed_dirty = false) const {
        constexpr u64 four_levels_wb = 0x1E;
        return Eptp{root_.value() | four_levels_wb | (accessed_dirty ? 0x40U : 0U)};
    }

  private:
    L1Gpa next_table() {
        const L1Gpa table{tables_start + (used_++ << 12)};
        if (table.value() >= tables_end) throw std::runtime_error("no memory left for L1's tables");
        return table;
    }

    World& world_;
    L1Gpa root_;
    u64 used_ = 0;
};

}  // namespace kurma::ept::testing
