#include "mm/memory_map.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace kurma::l0::mm {
namespace {

constexpr u64 mib = u64{1} << 20, gib = u64{1} << 30;

MemoryMap a_pc() {
    MemoryMap map;
    map.add({0, 0x9f000, RangeType::available});
    map.add({0x9f000, mib - 0x9f000, RangeType::reserved});
    map.add({mib, 1023 * mib, RangeType::available});
    map.add({4 * gib - mib, mib, RangeType::reserved});
    map.add({4 * gib, gib, RangeType::available});
    return map;
}

std::vector<Range> ranges_of(const MemoryMap& map) { return {map.begin(), map.end()}; }

TEST(MemoryMap, leaves_empty_ranges_out) {
    MemoryMap map;
    EXPECT_TRUE(map.add({mib, 0, RangeType::available}));
    EXPECT_EQ(map.count(), 0u);
}

TEST(MemoryMap, says_when_it_is_full) {
    MemoryMap map;
    for (usize i = 0; i < MemoryMap::capacity; ++i)
        EXPECT_TRUE(map.add({i * mib, mib, RangeType::available}));
    EXPECT_FALSE(map.add({gib, mib, RangeType::available}));
    EXPECT_EQ(map.count(), MemoryMap::capacity);
}

TEST(MemoryMap, sums_and_tops_available_memory_only) {
    const MemoryMap map = a_pc();
    EXPECT_EQ(map.available_bytes(), 0x9f000 + 1023 * mib + gib);
    EXPECT_EQ(map.top(), 5 * gib);
}

TEST(Reserve, splits_a_range_in_three) {
    MemoryMap map = a_pc();
    ASSERT_TRUE(map.reserve(512 * mib, 32 * mib));
    EXPECT_EQ(map.count(), 7u);
    EXPECT_EQ(map.available_bytes(), 0x9f000 + (1023 - 32) * mib + gib);
    for (const Range& range : map)
        if (range.type == RangeType::available) {
            EXPECT_FALSE(range.overlaps(512 * mib, 32 * mib));
        }
}

TEST(Reserve, at_an_edge_leaves_no_empty_range) {
    MemoryMap at_start = a_pc(), at_end = a_pc(), whole = a_pc();
    ASSERT_TRUE(at_start.reserve(mib, mib));
    ASSERT_TRUE(at_end.reserve(1023 * mib, mib));
    ASSERT_TRUE(whole.reserve(mib, 1023 * mib));
    EXPECT_EQ(at_start.count(), 6u);
    EXPECT_EQ(at_end.count(), 6u);
    EXPECT_EQ(whole.count(), 5u);
}

TEST(Reserve, takes_nothing_that_is_not_available_in_one_piece) {
    const std::vector<Range> before = ranges_of(a_pc());
    const struct {
        const char* what;
        u64 base, size;
    } cases[] = {
        {"reserved already", 0x9f000, 0x1000},
        {"in no range", 2 * gib, mib},
        {"over the end", 1023 * mib, 2 * mib},
        {"over two ranges", 0x9e000, 2 * mib},
        {"around the end of addresses", 2 * mib, ~u64{0} - mib},
        {"from its very end", gib, mib},
    };
    for (const auto& c : cases) {
        MemoryMap map = a_pc();
        EXPECT_FALSE(map.reserve(c.base, c.size)) << c.what;
        EXPECT_EQ(map.count(), before.size()) << c.what;
        EXPECT_EQ(map.available_bytes(), a_pc().available_bytes()) << c.what;
    }
}

TEST(FindHighest, stays_below_the_limit) {
    EXPECT_EQ(a_pc().find_highest(32 * mib, 2 * mib, 4 * gib), 992 * mib);
    EXPECT_EQ(a_pc().find_highest(32 * mib, 2 * mib, 8 * gib), 5 * gib - 32 * mib);
    EXPECT_EQ(a_pc().find_highest(32 * mib, 2 * mib, 512 * mib), 480 * mib);
}

TEST(FindHighest, aligns_downwards_within_the_range) {
    MemoryMap map;
    map.add({mib, 33 * mib + 0x5000, RangeType::available});
    EXPECT_EQ(map.find_highest(32 * mib, 2 * mib, 4 * gib), 2 * mib);
    EXPECT_EQ(map.find_highest(32 * mib, 4 * mib, 4 * gib), 0u) << "aligned it would begin before the range";
}

TEST(FindHighest, finds_nothing_where_no_range_is_large_enough) {
    MemoryMap map;
    map.add({mib, 31 * mib, RangeType::available});
    map.add({32 * mib, 512 * mib, RangeType::acpi_reclaimable});
    EXPECT_EQ(map.find_highest(32 * mib, 2 * mib, 4 * gib), 0u);
}

// Whatever is taken: no byte gets lost, none is in two ranges, and what was found was there to be taken.
TEST(MemoryMap, law_of_taking_memory_away) {
    std::mt19937_64 random{2};
    for (int round = 0; round < 200; ++round) {
        MemoryMap map = a_pc();
        u64 expected = map.available_bytes();
        for (int i = 0; i < 20; ++i) {
            const u64 size = (random() % 64 + 1) * 4096;
            const u64 base = map.find_highest(size, 4096, (random() % 1200 + 1) * mib);
            if (base == 0) continue;
            ASSERT_TRUE(map.reserve(base, size));
            expected -= size;
        }
        ASSERT_EQ(map.available_bytes(), expected);
        const std::vector<Range> ranges = ranges_of(map);
        for (usize a = 0; a < ranges.size(); ++a)
            for (usize b = a + 1; b < ranges.size(); ++b)
                ASSERT_FALSE(ranges[a].overlaps(ranges[b].base, ranges[b].size));
    }
}

}  // namespace
}  // namespace kurma::l0::mm
