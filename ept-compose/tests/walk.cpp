#include <gtest/gtest.h>

#include <testing/builder.hpp>

namespace kurma::ept {
namespace {

using testing::Guest;
using Outcome = Walk<Space::l1>::Outcome;

constexpr L2Gpa touched{0x8'1234'5678};
constexpr L1Gpa frame{0x4000'0000};

class WalkTest : public ::testing::Test {
  protected:
    Walk<Space::l1> walk12(L2Gpa address = touched, bool accessed_dirty = false) {
        return walk<Space::l1>(world, guest.eptp12(accessed_dirty), address, testing::offered(), steps);
    }

    testing::World world;
    Guest guest{world};
    Steps<Space::l1> steps;
};

TEST_F(WalkTest, reaches_leaves_of_every_size) {
    for (const PageSize size : {PageSize::g1, PageSize::m2, PageSize::k4}) {
        testing::World fresh;
        Guest l1{fresh};
        l1.map12(touched, frame, size, testing::bit_read | testing::bit_ignore_pat | testing::bit_dirty);
        const auto result = walk<Space::l1>(fresh, l1.eptp12(), touched, testing::offered());
        ASSERT_EQ(result.outcome, Outcome::leaf);
        EXPECT_EQ(result.leaf.page, frame);
        EXPECT_EQ(result.leaf.size, size);
        EXPECT_EQ(result.leaf.access, Access::read);
        EXPECT_EQ(result.leaf.memory_type, MemoryType::uc);
        EXPECT_TRUE(result.leaf.ignore_pat && result.leaf.dirty);
        EXPECT_EQ(result.level, level_of(size));
    }
}

TEST_F(WalkTest, rights_are_those_that_every_entry_gives) {
    guest.map12(touched, frame, PageSize::k4);
    const L1Gpa directory = guest.entry_of(touched, PageSize::m2);
    world.write_l1(directory, world.peek_l1(directory).value() & ~testing::bit_write);
    const auto result = walk12();
    ASSERT_EQ(result.outcome, Outcome::leaf);
    EXPECT_EQ(result.leaf.access, Access::read | Access::execute);
    EXPECT_EQ(result.effective, result.leaf.access);
}

TEST_F(WalkTest, an_entry_that_is_not_present_ends_it_with_no_rights) {
    guest.map12(touched, frame, PageSize::m2);
    const L1Gpa at = guest.entry_of(touched, PageSize::m2);
    world.write_l1(at, ~testing::all_rights);
    const auto result = walk12();
    EXPECT_EQ(result.outcome, Outcome::not_present);
    EXPECT_EQ(result.level, 2u);
    EXPECT_EQ(result.last_entry, at);
    EXPECT_EQ(result.effective, Access::none);
}

TEST_F(WalkTest, a_misconfigured_entry_is_named) {
    const L1Gpa at = guest.map12(touched, frame, PageSize::k4, testing::bit_write);
    const auto result = walk12();
    EXPECT_EQ(result.outcome, Outcome::misconfigured);
    EXPECT_EQ(result.level, 1u);
    EXPECT_EQ(result.last_entry, at);
}

TEST_F(WalkTest, a_table_where_no_memory_is_makes_the_walk_unreachable) {
    const L1Gpa nowhere{0x7000'0000};
    world.write_l1(guest.entry_of(touched, PageSize::g1), nowhere.value() | testing::all_rights);
    const auto result = walk12();
    EXPECT_EQ(result.outcome, Outcome::unreachable);
    EXPECT_EQ(result.level, 2u);
    EXPECT_EQ(result.last_entry.page(), nowhere);
}

TEST_F(WalkTest, an_address_beyond_48_bits_has_no_translation) {
    guest.map12(L2Gpa{0}, frame, PageSize::k4);
    const auto result = walk12(L2Gpa{u64{1} << 48});
    EXPECT_EQ(result.outcome, Outcome::not_present);
    EXPECT_EQ(result.effective, Access::none);
    EXPECT_TRUE(world.reads.empty());
}

TEST_F(WalkTest, each_entry_is_read_once) {
    guest.map12(touched, frame, PageSize::k4);
    std::ignore = walk12();
    EXPECT_EQ(world.reads.size(), 4u);
    for (const auto& [at, count] : world.reads) EXPECT_EQ(count, 1u) << std::hex << at;
}

TEST_F(WalkTest, an_entry_that_changes_once_it_is_read_counts_as_it_was) {
    guest.map12(touched, frame, PageSize::k4);
    world.after_read = [&](L1Gpa at) { world.write_l1(at, ~u64{0}); };
    const auto result = walk12();
    ASSERT_EQ(result.outcome, Outcome::leaf);
    EXPECT_EQ(result.leaf.page, frame);
    EXPECT_EQ(result.leaf.access, Access::all);
}

TEST_F(WalkTest, a_read_marks_every_entry_accessed_and_none_dirty) {
    guest.map12(touched, frame, PageSize::k4);
    const auto result = walk12();
    const Steps<Space::l1> before = steps;
    ASSERT_TRUE(mark_used(world, steps, result.level, Access::read));
    for (unsigned level = root_level; level >= last_level; --level) {
        EXPECT_EQ(world.peek_l1(steps.address_at(level)),
                  before.entry_at(level).bits() | testing::bit_accessed);
        EXPECT_EQ(world.peek_l1(steps.address_at(level)), steps.entry_at(level).bits());
    }
}

TEST_F(WalkTest, a_write_marks_the_leaf_alone_dirty) {
    const L1Gpa leaf = guest.map12(touched, frame, PageSize::m2);
    const L1Gpa above = guest.entry_of(touched, PageSize::g1);
    ASSERT_TRUE(mark_used(world, steps, walk12().level, Access::write));
    EXPECT_TRUE(Entry{world.peek_l1(leaf).value()}.accessed());
    EXPECT_TRUE(Entry{world.peek_l1(leaf).value()}.dirty());
    EXPECT_TRUE(Entry{world.peek_l1(above).value()}.accessed());
    EXPECT_FALSE(Entry{world.peek_l1(above).value()}.dirty());
}

TEST_F(WalkTest, flags_are_not_written_into_an_entry_that_has_changed) {
    const L1Gpa leaf = guest.map12(touched, frame, PageSize::k4);
    const auto result = walk12();
    world.write_l1(leaf, 0);
    EXPECT_FALSE(mark_used(world, steps, result.level, Access::write));
    EXPECT_EQ(world.peek_l1(leaf), 0u);
}

}  // namespace
}  // namespace kurma::ept
