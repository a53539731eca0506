#include <gtest/gtest.h>

#include <testing/world.hpp>

namespace kurma::ept {
namespace {

using Leaf01 = Leaf<Space::host>;

constexpr L1Gpa low{0x4000'0000};
constexpr Leaf01 large{.page = Hpa{0x8000'0000}, .size = PageSize::m2, .access = Access::all};

class TableTest : public ::testing::Test {
  protected:
    bool map_and_tell_debt(L1Gpa at, const Leaf01& leaf) {
        return owed(map(world, world.root01(), at, leaf));
    }
    bool unmap_and_tell_debt(L1Gpa at, PageSize size) { return owed(unmap(world, world.root01(), at, size)); }
    static bool owed(Change change) {
        EXPECT_TRUE(change.complete);
        const bool result = change.debt.owed();
        change.debt.forgive_in_test();
        return result;
    }
    std::optional<Hpa> where(L1Gpa at) {
        const auto leaf = world.walk01(at);
        if (!leaf) return std::nullopt;
        return leaf->page + at.offset(leaf->size);
    }

    testing::World world;
};

TEST_F(TableTest, what_was_mapped_is_looked_up) {
    for (const PageSize size : {PageSize::k4, PageSize::m2, PageSize::g1}) {
        const L1Gpa at{u64{0x80'0000'0000} << static_cast<unsigned>(size)};
        const Leaf01 leaf{.page = Hpa{0x1'4000'0000},
                          .size = size,
                          .access = Access::read,
                          .memory_type = MemoryType::wt,
                          .ignore_pat = true};
        EXPECT_FALSE(map_and_tell_debt(at, leaf));
        const auto found = world.walk01(at + 0x123);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->page, leaf.page);
        EXPECT_EQ(found->size, size);
        EXPECT_EQ(found->access, Access::read);
        EXPECT_EQ(found->memory_type, MemoryType::wt);
        EXPECT_TRUE(found->ignore_pat);
    }
}

TEST_F(TableTest, nothing_mapped_is_nothing_found) {
    EXPECT_FALSE(world.walk01(low));
    EXPECT_FALSE(world.walk01(L1Gpa{u64{1} << 48}));
    EXPECT_FALSE(unmap_and_tell_debt(low, PageSize::k4));
}

TEST_F(TableTest, a_hole_in_a_large_page_leaves_the_rest_as_it_was) {
    EXPECT_FALSE(
        map_and_tell_debt(low, {.page = Hpa{0x8000'0000}, .size = PageSize::g1, .access = Access::all}));
    EXPECT_TRUE(unmap_and_tell_debt(low + 0x20'1000, PageSize::k4));
    EXPECT_FALSE(where(low + 0x20'1000));
    for (const u64 distance : {u64{0}, u64{0x20'0000}, u64{0x20'0FFF}, u64{0x20'2000}, u64{0x3FFF'F000}}) {
        EXPECT_EQ(where(low + distance), Hpa{0x8000'0000} + distance);
    }
    EXPECT_EQ(world.walk01(low)->size, PageSize::m2);
}

TEST_F(TableTest, while_a_page_is_split_its_neighbours_are_never_seen_otherwise) {
    EXPECT_FALSE(map_and_tell_debt(low, large));
    const usize before = world.history.size();
    const auto rewind = world;
    EXPECT_TRUE(map_and_tell_debt(low + 0x3000, {.page = Hpa{0x9999'9000}, .access = Access::read}));

    // The same stores once more, with a look after each as another processor might have had it.
    const std::vector<testing::Store> stores{world.history.begin() + static_cast<std::ptrdiff_t>(before),
                                             world.history.end()};
    testing::World replay = rewind;
    std::ignore = replay.allocate_table();
    ASSERT_GT(stores.size(), 512u);
    for (const auto& store : stores) {
        replay.store(store.at, store.bits);
        for (const u64 distance : {u64{0}, u64{0x2000}, u64{0x4000}, u64{0x1F'F000}}) {
            const auto leaf = replay.walk01(low + distance);
            ASSERT_TRUE(leaf);
            ASSERT_EQ(leaf->page + (low + distance).offset(leaf->size), large.page + distance);
            ASSERT_EQ(leaf->access, Access::all);
        }
        ASSERT_TRUE(replay.walk01(low + 0x3000));
    }
    EXPECT_EQ(where(low + 0x3000), Hpa{0x9999'9000});
}

TEST_F(TableTest, more_rights_for_the_same_page_cost_no_debt_and_fewer_do) {
    Leaf01 leaf = large;
    leaf.access = Access::read;
    EXPECT_FALSE(map_and_tell_debt(low, leaf));
    EXPECT_FALSE(map_and_tell_debt(low, large));
    EXPECT_FALSE(map_and_tell_debt(low, large));
    EXPECT_TRUE(map_and_tell_debt(low, leaf));
    leaf.access = Access::execute;
    EXPECT_TRUE(map_and_tell_debt(low, leaf));
}

TEST_F(TableTest, another_frame_or_memory_type_costs_a_debt) {
    EXPECT_FALSE(map_and_tell_debt(low, large));
    Leaf01 moved = large;
    moved.page = moved.page + bytes(PageSize::m2);
    EXPECT_TRUE(map_and_tell_debt(low, moved));
    moved.memory_type = MemoryType::uc;
    EXPECT_TRUE(map_and_tell_debt(low, moved));
    moved.ignore_pat = true;
    EXPECT_TRUE(map_and_tell_debt(low, moved));
}

TEST_F(TableTest, a_large_page_over_small_ones_gives_their_tables_back) {
    const usize empty = world.tables_in_use();
    EXPECT_FALSE(map_and_tell_debt(low, {.page = Hpa{0x1000}, .access = Access::all}));
    EXPECT_FALSE(map_and_tell_debt(low + 0x3FE0'0000, {.page = Hpa{0x1000}, .access = Access::all}));
    EXPECT_EQ(world.tables_in_use(), empty + 4);
    EXPECT_TRUE(
        map_and_tell_debt(low, {.page = Hpa{0x8000'0000}, .size = PageSize::g1, .access = Access::all}));
    EXPECT_EQ(world.tables_in_use(), empty + 1);
    EXPECT_EQ(where(low + 0x3FE0'0123), Hpa{0xBFE0'0123});
}

TEST_F(TableTest, unmapping_a_large_range_of_small_pages_gives_their_tables_back) {
    EXPECT_FALSE(map_and_tell_debt(low, {.page = Hpa{0x1000}, .access = Access::all}));
    const usize with = world.tables_in_use();
    EXPECT_TRUE(unmap_and_tell_debt(low, PageSize::m2));
    EXPECT_EQ(world.tables_in_use(), with - 1);
    EXPECT_FALSE(where(low));
}

TEST_F(TableTest, without_a_table_to_split_into_nothing_changes) {
    EXPECT_FALSE(map_and_tell_debt(low, large));
    world.table_limit = world.tables_in_use();
    Change mapped = map(world, world.root01(), low, {.page = Hpa{0x1000}, .access = Access::all});
    EXPECT_FALSE(mapped.complete || mapped.debt.owed());
    Change unmapped = unmap(world, world.root01(), low, PageSize::k4);
    EXPECT_FALSE(unmapped.complete || unmapped.debt.owed());
    EXPECT_EQ(where(low + 0x1234), large.page + 0x1234);
}

}  // namespace
}  // namespace kurma::ept
