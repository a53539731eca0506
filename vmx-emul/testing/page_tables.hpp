// Builds L1's own page tables in a FakeMemory, in each of the three formats (SDM 3A 4.3 to 4.5). Written from
// the manual and without the library's help, so that it can check the library's walk.
#pragma once

#include "fake_memory.hpp"

namespace kurma::vmx::testing {

enum class PagingMode : u8 { bits32, pae, four_level };

namespace pte {
inline constexpr u64 present = 1u << 0;
inline constexpr u64 writable = 1u << 1;
inline constexpr u64 user = 1u << 2;
inline constexpr u64 accessed = 1u << 5;
inline constexpr u64 dirty = 1u << 6;
inline constexpr u64 large = 1u << 7;
inline constexpr u64 execute_disable = u64{1} << 63;
inline constexpr u64 supervisor_rw = present | writable;
inline constexpr u64 user_rw = present | writable | user;
}  // namespace pte

class PageTables {
  public:
    /// Tables are taken from `arena` upwards, the first one being the root.
    PageTables(FakeMemory& memory, PagingMode mode, u64 arena)
        : memory_(&memory), mode_(mode), root_(arena), next_(arena + page) {}

    [[nodiscard]] u64 root() const { return root_; }

    /// Maps one page; `level` 1 is a small page, 2 and 3 are larger ones. Returns where the leaf entry lies.
    u64 map(u64 linear, u64 physical, u64 flags = pte::user_rw, unsigned level = 1) {
        const u64 at = entry(linear, level);
        poke(at, physical | flags | (level > 1 ? pte::large : 0));
        return at;
    }

    /// Where the entry of that level for an address lies; missing tables above it are made.
    u64 entry(u64 linear, unsigned level) {
        u64 table = root_;
        for (unsigned at_level = levels();; --at_level) {
            const u64 at = table + index(linear, at_level) * entry_bytes();
            if (at_level == level) return at;
            if ((peek(at) & pte::present) == 0) {
                const bool is_pdpte = mode_ == PagingMode::pae && at_level == 3;
                poke(at, next_ | (is_pdpte ? pte::present : pte::user_rw));
                next_ += page;
            }
            table = peek(at) & table_address;
        }
    }

    [[nodiscard]] u64 peek(u64 at) const { return memory_->peek(at, entry_bytes()); }
    void poke(u64 at, u64 bits) { memory_->poke(at, bits, entry_bytes()); }

  private:
    static constexpr u64 page = 0x1000;
    static constexpr u64 table_address = 0x0000'00ff'ffff'f000;

    [[nodiscard]] unsigned levels() const {
        return mode_ == PagingMode::bits32 ? 2 : mode_ == PagingMode::pae ? 3 : 4;
    }
    [[nodiscard]] unsigned entry_bytes() const { return mode_ == PagingMode::bits32 ? 4 : 8; }
    [[nodiscard]] u64 index(u64 linear, unsigned level) const {
        const unsigned bits = mode_ == PagingMode::bits32 ? 10 : 9;
        const u64 value = linear >> (12 + bits * (level - 1));
        return value & ((u64{1} << bits) - 1);
    }

    FakeMemory* memory_;
    PagingMode mode_;
    u64 root_;
    u64 next_;
};

}  // namespace kurma::vmx::testing
