// A small world at random: a graph of L1's tables in which anything may point to anything (or to nothing),
// over an ept01 of all page sizes, with few enough addresses that an operation meets what an earlier one has
// left.
#pragma once

#include <random>
#include <testing/reference.hpp>

namespace kurma::ept::testing {

class RandomWorld {
  public:
    explicit RandomWorld(unsigned seed) : random_(seed) {
        for (int i = 0; i < 12; ++i) change01();
        for (u64 i = 0; i < table_count; ++i) {
            const u64 at = tables_start + i * 4096;
            world.map01(L1Gpa{at},
                        {.page = Hpa{at + host_distance}, .size = PageSize::k4, .access = Access::all});
        }
        if (one_in(4)) world.unmap01(L1Gpa{tables_start + (table_count - 1) * 4096}, PageSize::k4);
        for (int i = 0; i < 60; ++i) change12();
        capabilities = {.execute_only = one_in(2),
                        .page_1g = !one_in(4),
                        .page_2m = !one_in(8),
                        .accessed_dirty = true,
                        .physical_address_width = 40};
        eptp12 = tables_start | 0x1E | (one_in(2) ? 0x40U : 0U);
    }

    u64 below(u64 limit) { return std::uniform_int_distribution<u64>{0, limit - 1}(random_); }
    bool one_in(u64 chances) { return below(chances) == 0; }

    L2Gpa address() {
        return L2Gpa{pick_index() << 39 | pick_index() << 30 | pick_index() << 21 | pick_index() << 12 |
                     below(4096)};
    }
    // Read, write, execute, and the read-and-write of a page walk with accessed and dirty flags on.
    Access wanted() {
        constexpr u64 choices[] = {bit_read, bit_write, bit_execute, bit_read | bit_write};
        return Access::from_bits(choices[below(4)]);
    }

    // L1 writes some entry of its tables.
    void change12() {
        const u64 table = below(table_count);
        const L1Gpa at{tables_start + table * 4096 + pick_index() * 8};
        if (world.peek_l1(at))
            world.write_l1(at, one_in(8) ? wild_entry() : sane_entry(level_of_table[table]));
    }

    // L0 maps or unmaps some page of L1's, but for L1's tables.
    void change01() {
        const auto size = static_cast<PageSize>(below(3));
        const L1Gpa at = L1Gpa{l1_target()}.aligned(size);
        if (one_in(4)) {
            world.unmap01(at, size);
            return;
        }
        constexpr u64 rights[] = {1, 3, 5, 7, 7, 7, 4};
        constexpr MemoryType types[] = {MemoryType::uc, MemoryType::wc, MemoryType::wt, MemoryType::wp,
                                        MemoryType::wb, MemoryType::wb, MemoryType::wb};
        world.map01(at,
                    {.page = Hpa{0x20'0000'0000 + (below(64) << 30) + (below(512) << 21) + (below(512) << 12)}
                                 .aligned(size),
                     .size = size,
                     .access = Access::from_bits(rights[below(7)]),
                     .memory_type = types[below(7)],
                     .ignore_pat = one_in(4)});
    }

    [[nodiscard]] Expected expected(L2Gpa address, Access wanted) {
        return reference(world, eptp12, address.value(), wanted.bits(), capabilities);
    }

    World world;
    Capabilities capabilities;
    u64 eptp12 = 0;

  private:
    static constexpr u64 tables_start = 0x10'0000;
    static constexpr u64 table_count = 8;
    static constexpr unsigned level_of_table[table_count] = {4, 3, 3, 2, 2, 1, 1, 1};
    static constexpr u64 host_distance = 0x1'0000'0000;

    u64 pick_index() {
        constexpr u64 indices[] = {0, 1, 511};
        return indices[below(3)];
    }
    u64 l1_target() { return (1 + below(3)) << 30 | pick_index() << 21 | pick_index() << 12; }
    u64 random_rights() { return one_in(4) ? below(8) : all_rights; }
    u64 random_flags() { return one_in(2) ? 0 : below(4) << 8; }

    // What an L1 would write into a table of that level.
    u64 sane_entry(unsigned level) {
        const u64 leaf = type_wb | random_flags() | random_rights();
        if (level == 1) return l1_target() | leaf | (one_in(4) ? bit_ignore_pat : 0);
        if (level == 2 && one_in(3)) return (l1_target() & ~u64{0x1F'FFFF}) | bit_large | leaf;
        if (level == 3 && one_in(4)) return (l1_target() & ~u64{0x3FFF'FFFF}) | bit_large | leaf;
        u64 next = below(table_count);
        while (level_of_table[next] != level - 1) next = below(table_count);
        return (tables_start + next * 4096) | (random_flags() & bit_accessed) | random_rights();
    }
    // What it should not, and what only looks as if.
    u64 wild_entry() {
        switch (below(6)) {
            case 0: return 0;
            case 1: return random_();
            case 2: return l1_target() | below(4096);
            case 3: return l1_target() | below(8) << 3 | random_flags() | random_rights();
            case 4: return l1_target() | bit_large | type_wb | random_rights();
            default: return (tables_start + below(table_count) * 4096) | random_rights();
        }
    }

    std::mt19937_64 random_;
};

}  // namespace kurma::ept::testing
