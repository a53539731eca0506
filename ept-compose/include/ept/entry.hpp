// One EPT entry, of any level, read through names.
//
// In:   64 bits as they lie in a table.      Out: its parts; or a new entry.
// Laws: what a builder here makes is never misconfigured.
// SDM:  3C 29.3.2 (formats), 3C 29.3.3.1 (misconfigurations).
#pragma once

#include <array>
#include <ept/access.hpp>
#include <ept/address.hpp>
#include <ept/capabilities.hpp>
#include <ept/memory_type.hpp>

namespace kurma::ept {

class Entry {
  public:
    static constexpr u64 accessed_bit = u64{1} << 8;
    static constexpr u64 dirty_bit = u64{1} << 9;

    constexpr Entry() = default;
    constexpr explicit Entry(u64 bits) : bits_(bits) {}

    [[nodiscard]] static constexpr Entry make_table(Hpa table) {
        return Entry{table.value() | Access::all.bits()};
    }
    [[nodiscard]] static constexpr Entry make_leaf(Hpa page, PageSize size, Access access, MemoryType type,
                                                   bool ignore_pat = false) {
        return Entry{page.value() | access.bits() | u64{static_cast<u8>(type)} << type_shift |
                     (ignore_pat ? ignore_pat_bit : 0) | (size == PageSize::k4 ? 0 : large_bit)};
    }

    [[nodiscard]] constexpr u64 bits() const { return bits_; }
    [[nodiscard]] constexpr Access access() const { return Access::from_bits(bits_); }
    [[nodiscard]] constexpr bool present() const { return !access().empty(); }
    // Bit 7 is not defined at level 1, where every entry is a leaf, and reserved in the root table.
    [[nodiscard]] constexpr bool leaf(unsigned level) const {
        return level == last_level || (level < root_level && (bits_ & large_bit) != 0);
    }
    // The next table, or a leaf's page.
    template <Space S>
    [[nodiscard]] constexpr Address<S> address() const {
        return Address<S>{bits_ & address_mask};
    }
    [[nodiscard]] constexpr MemoryType memory_type() const {
        return static_cast<MemoryType>(bits_ >> type_shift & type_mask);
    }
    [[nodiscard]] constexpr bool ignore_pat() const { return (bits_ & ignore_pat_bit) != 0; }
    [[nodiscard]] constexpr bool accessed() const { return (bits_ & accessed_bit) != 0; }
    [[nodiscard]] constexpr bool dirty() const { return (bits_ & dirty_bit) != 0; }
    [[nodiscard]] constexpr bool suppress_ve() const { return (bits_ & suppress_ve_bit) != 0; }

    // Meant for entries that are present: in one that is not, the processor looks at nothing else.
    [[nodiscard]] constexpr bool misconfigured(unsigned level, const Capabilities& capabilities) const {
        return bad_access(capabilities) || (bits_ & reserved_bits(level, capabilities)) != 0 ||
               (leaf(level) && !valid(memory_type()));
    }

    friend class EntryRules;
    friend constexpr bool operator==(Entry, Entry) = default;

  private:
    static constexpr unsigned type_shift = 3;
    static constexpr u64 type_mask = 7;
    static constexpr u64 ignore_pat_bit = u64{1} << 6;
    static constexpr u64 large_bit = u64{1} << 7;
    static constexpr u64 table_reserved = 0x78;  // bits 6:3
    static constexpr u64 suppress_ve_bit = u64{1} << 63;
    static constexpr u64 address_mask = 0x000F'FFFF'FFFF'F000;

    // One bit for each of the eight values of bits 2:0: writable but not readable, and execute-only.
    [[nodiscard]] constexpr bool bad_access(const Capabilities& capabilities) const {
        constexpr unsigned write_without_read = 1U << 2 | 1U << 6;
        constexpr unsigned execute_only = 1U << 4;
        return ((write_without_read | (capabilities.execute_only ? 0 : execute_only)) >> access().bits() &
                1) != 0;
    }

    [[nodiscard]] constexpr u64 reserved_bits(unsigned level, const Capabilities& capabilities) const {
        const u64 address = reserved_address_bits(capabilities);
        if (level == root_level) return address | table_reserved | large_bit;
        if (!leaf(level)) return address | table_reserved;
        if (level == last_level) return address;
        const bool offered = level == level_of(PageSize::m2) ? capabilities.page_2m : capabilities.page_1g;
        const u64 below_page = (bytes(size_at(level)) - 1) & address_mask;
        return address | below_page | (offered ? 0 : large_bit);
    }

    u64 bits_ = 0;
};

// What ends a walk on a processor, made ready for those that walk often: two tests for each entry.
class EntryRules {
  public:
    constexpr EntryRules() = default;
    constexpr EntryRules(const Capabilities& capabilities) {
        for (u64 low = 0; low < low_values; ++low) {
            const Entry entry{low};
            const u64 bit = u64{1} << low;
            const bool bad = !entry.present() || entry.bad_access(capabilities);
            if (bad) ends_table_ |= bit;
            if (bad || !valid(entry.memory_type())) ends_leaf_ |= bit;
        }
        for (unsigned level = last_level; level <= root_level; ++level) {
            table_reserved_[level] = Entry{}.reserved_bits(level, capabilities);
            leaf_reserved_[level] = Entry{Entry::large_bit}.reserved_bits(level, capabilities);
        }
    }

    // Not present, or misconfigured.
    [[nodiscard]] constexpr bool ends_walk(Entry entry, unsigned level) const {
        const bool leaf = entry.leaf(level);
        const u64 ends = leaf ? ends_leaf_ : ends_table_;
        const u64 reserved = leaf ? leaf_reserved_[level] : table_reserved_[level];
        if ((ends >> entry.bits() % low_values & 1) != 0) [[unlikely]]
            return true;
        return (entry.bits() & reserved) != 0;
    }

  private:
    // Bits 5:0: the rights, and a leaf's memory type.
    static constexpr u64 low_values = 64;

    // One bit for each value of them.
    u64 ends_table_ = 0, ends_leaf_ = 0;
    std::array<u64, root_level + 1> table_reserved_{}, leaf_reserved_{};
};

}  // namespace kurma::ept
