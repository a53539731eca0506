#include "follow.hpp"

#include <gtest/gtest.h>

#include "line.hpp"

namespace kurma::work {
namespace {

// Each count finds ten exits more than the one before.
Follower::Count counting(u64& exits) {
    return [&exits] {
        probe::Counts counts;
        counts.totals[0] = exits += 10;
        return std::optional(counts);
    };
}

std::string line() { return work_line("gzip", "guest", "quick", 123); }

TEST(Follower, a_work_line_gets_what_was_counted_between_its_marks) {
    u64 exits = 0;
    Follower follower(counting(exits));
    EXPECT_EQ(follower.take({&begin_mark, 1}), "");
    EXPECT_EQ(follower.take({&end_mark, 1}), "");
    const std::string output = follower.take(line() + "\r\n");
    EXPECT_TRUE(output.starts_with("work name=gzip where=guest size=quick ticks=123 exits=10 vmread=0 "))
        << output;
    EXPECT_TRUE(output.ends_with(" l1=0 kept=0 reflected=0\n")) << output;
}

TEST(Follower, a_line_may_come_in_pieces_and_with_a_mark_amid) {
    u64 exits = 0;
    Follower follower(counting(exits));
    EXPECT_EQ(follower.take("L2: he"), "");
    EXPECT_EQ(follower.take({&begin_mark, 1}), "");
    EXPECT_EQ(follower.take("re\r\nand"), "L2: here\n");
    EXPECT_EQ(follower.take(" there\n"), "and there\n");
}

TEST(Follower, lines_that_are_no_work_line_stay_as_they_are) {
    u64 exits = 0;
    Follower follower(counting(exits));
    follower.take(std::string{begin_mark, end_mark});
    EXPECT_EQ(follower.take("workloads: gzip\n"), "workloads: gzip\n");
    EXPECT_NE(follower.take(line() + "\n"), line() + "\n");
}

TEST(Follower, counts_belong_to_one_line_only) {
    u64 exits = 0;
    Follower follower(counting(exits));
    follower.take(std::string{begin_mark, end_mark});
    follower.take(line() + "\n");
    EXPECT_EQ(follower.take(line() + "\n"), line() + "\n");
}

TEST(Follower, a_workload_that_began_and_did_not_end_gets_none) {
    u64 exits = 0;
    Follower follower(counting(exits));
    follower.take(std::string{begin_mark, end_mark, begin_mark});
    EXPECT_EQ(follower.take(line() + "\n"), line() + "\n");
}

TEST(Follower, without_kurma_the_line_stays_as_it_is) {
    Follower follower([] { return std::optional<probe::Counts>(); });
    EXPECT_EQ(follower.take(begin_mark + std::string(1, end_mark) + line() + "\n"), line() + "\n");
}

TEST(WorkLine, a_kind_of_exits_is_the_sum_over_its_reasons) {
    probe::Counts begin, end;
    begin.kinds.fill(100);
    end.kinds.fill(100);
    end.kinds[0] += 1;                             // L1's, the first reason ...
    end.kinds[probe::exit_reason_count - 1] += 2;  // ... and the last.
    end.kinds[probe::exit_reason_count] += 4;      // Of L2, kept.
    end.kinds[probe::exit_kind_names.size() * probe::exit_reason_count - 1] += 8;  // Reflected.
    end.totals[probe::total_names.size() - 1] = 5;
    EXPECT_EQ(counts_words(begin, end),
              " exits=0 vmread=0 vmwrite=0 vmptrld=0 vmclear=0 vmlaunch=0 vmresume=0 invept=0 invvpid=5"
              " l1=3 kept=4 reflected=8");
}

}  // namespace
}  // namespace kurma::work
