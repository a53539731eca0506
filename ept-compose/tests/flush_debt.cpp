#include <gtest/gtest.h>

#include <ept/flush_debt.hpp>
#include <type_traits>

namespace kurma::ept {
namespace {

static_assert(!std::is_copy_constructible_v<FlushDebt> && !std::is_copy_assignable_v<FlushDebt>);
static_assert(!std::is_move_assignable_v<FlushDebt> && std::is_nothrow_move_constructible_v<FlushDebt>);

TEST(FlushDebt, is_paid_once) {
    int flushes = 0;
    FlushDebt debt = FlushDebt::this_context();
    debt.pay([&] { ++flushes; });
    debt.pay([&] { ++flushes; });
    EXPECT_EQ(flushes, 1);
    EXPECT_FALSE(debt.owed());
}

TEST(FlushDebt, none_costs_nothing) {
    FlushDebt debt = FlushDebt::none();
    debt.pay([] { FAIL() << "there was nothing to pay"; });
}

TEST(FlushDebt, moves_with_its_holder) {
    FlushDebt first = FlushDebt::this_context();
    FlushDebt second = std::move(first);
    EXPECT_FALSE(first.owed());  // NOLINT(bugprone-use-after-move): what is left behind is the point
    EXPECT_TRUE(second.owed());
    second.forgive_in_test();
}

TEST(FlushDebt, absorbing_keeps_what_either_owed) {
    FlushDebt debt = FlushDebt::none();
    debt.absorb(FlushDebt::none());
    EXPECT_FALSE(debt.owed());
    debt.absorb(FlushDebt::this_context());
    debt.absorb(FlushDebt::none());
    EXPECT_TRUE(debt.owed());
    debt.forgive_in_test();
}

#ifndef NDEBUG
TEST(FlushDebtDeathTest, unpaid_ends_the_program) {
    EXPECT_DEATH({ const FlushDebt debt = FlushDebt::this_context(); }, "");
}
#endif

}  // namespace
}  // namespace kurma::ept
