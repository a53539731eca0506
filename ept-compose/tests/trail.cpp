// A walk that follows an earlier one comes to what a walk from the root comes to, whatever L1 has written
// meanwhile; and reads each entry once.
#include <gtest/gtest.h>

#include <ept/trail.hpp>
#include <testing/random_world.hpp>

namespace kurma::ept {
namespace {

using testing::Guest;
using Walk12 = Walk<Space::l1>;
using Trail12 = Trail<Space::l1, Space::l2>;
using Outcome = Walk12::Outcome;

constexpr L2Gpa touched{0x8'1234'5678};
constexpr L2Gpa beside = touched + bytes(PageSize::k4);
constexpr L1Gpa frame{0x4000'0000};

class TrailTest : public ::testing::Test {
  protected:
    Walk12 go(L2Gpa address) {
        const auto fork = trail.follow(world, guest.eptp12(), address);
        forked_at = fork.level;
        return fork.level == last_level ? trail.walk_last(world, address, rules)
                                        : trail.walk_rest(world, fork, guest.eptp12(), address, rules);
    }

    testing::World world;
    Guest guest{world};
    Trail12 trail;
    EntryRules rules{testing::offered()};
    unsigned forked_at = 0;
};

TEST_F(TrailTest, the_first_walk_starts_at_the_root) {
    guest.map12(touched, frame, PageSize::k4);
    EXPECT_EQ(go(touched).leaf.page, frame);
    EXPECT_EQ(forked_at, Trail12::above_root);
}

TEST_F(TrailTest, a_walk_nearby_forks_at_the_last_level_and_reads_each_entry_once) {
    guest.map12(touched, frame, PageSize::k4);
    guest.map12(beside, frame + 0x5000, PageSize::k4, testing::bit_read);
    EXPECT_EQ(go(touched).leaf.page, frame);
    world.reads.clear();
    const Walk12 walked = go(beside);
    EXPECT_EQ(forked_at, last_level);
    EXPECT_EQ(walked.leaf.page, frame + 0x5000);
    EXPECT_EQ(walked.effective, Access::read);
    EXPECT_EQ(world.reads.size(), 4u);
    for (const auto& [at, count] : world.reads) EXPECT_EQ(count, 1u) << std::hex << at;
}

TEST_F(TrailTest, an_entry_above_that_says_something_else_now_is_followed) {
    guest.map12(touched, frame, PageSize::k4);
    std::ignore = go(touched);
    const L1Gpa directory = guest.entry_of(touched, PageSize::m2);
    const u64 before = world.peek_l1(directory).value();
    world.write_l1(directory, before & ~testing::bit_write);
    EXPECT_EQ(go(touched).effective, Access::read | Access::execute);
    EXPECT_EQ(forked_at, 2u);
    world.write_l1(directory, before);
    EXPECT_EQ(go(touched).effective, Access::all);
    EXPECT_EQ(go(touched).effective, Access::all);
    EXPECT_EQ(forked_at, last_level);
    world.write_l1(directory, 0);
    EXPECT_EQ(go(touched).outcome, Outcome::not_present);
}

TEST_F(TrailTest, a_walk_that_ended_above_the_last_level_is_not_followed) {
    guest.map12(touched, frame, PageSize::m2);
    EXPECT_EQ(go(touched).level, 2u);
    EXPECT_EQ(go(beside).level, 2u);
    EXPECT_EQ(forked_at, Trail12::above_root);
}

TEST(Trail, comes_to_what_a_walk_from_the_root_comes_to) {
    constexpr unsigned worlds = 100, walks = 400;
    unsigned short_ones = 0, changed = 0;
    for (unsigned seed = 0; seed < worlds; ++seed) {
        SCOPED_TRACE(seed);
        testing::RandomWorld random{seed};
        const EntryRules rules{random.capabilities};
        const Eptp eptp12{random.eptp12};
        Trail12 trail;
        L2Gpa address = random.address();
        for (unsigned i = 0; i < walks; ++i) {
            if (random.one_in(4)) address = random.address();
            if (random.one_in(3)) random.change12();
            const auto fork = trail.follow(random.world, eptp12, address);
            short_ones += fork.level == last_level;
            changed += fork.level != last_level && fork.level != Trail12::above_root;
            const Walk12 walked = fork.level == last_level
                                      ? trail.walk_last(random.world, address, rules)
                                      : trail.walk_rest(random.world, fork, eptp12, address, rules);
            const Walk12 fresh = walk<Space::l1>(random.world, eptp12, address, rules);
            ASSERT_EQ(walked.outcome, fresh.outcome);
            ASSERT_EQ(walked.level, fresh.level);
            ASSERT_EQ(walked.effective, fresh.effective);
            ASSERT_EQ(walked.last_entry, fresh.last_entry);
            ASSERT_EQ(walked.last, fresh.last);
            ASSERT_EQ(walked.leaf.page, fresh.leaf.page);
            ASSERT_EQ(walked.leaf.access, fresh.leaf.access);
        }
    }
    EXPECT_GT(short_ones, worlds);
    EXPECT_GT(changed, worlds / 2);
}

}  // namespace
}  // namespace kurma::ept
