#include "trace/out.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kurma::l0 {
namespace {

/// What a writer puts into room for `capacity` characters.
template <class Write>
std::string written(Write&& write, usize capacity = 1000) {
    std::vector<char> memory(capacity);
    Out out{memory.data(), capacity};
    write(out);
    return {memory.data(), out.length()};
}

TEST(Out, writes_numbers_from_the_least_to_the_largest) {
    EXPECT_EQ(written([](Out& out) { out.words(u64{0}, " ", u64{10}, " ", ~u64{0}); }),
              "0 10 18446744073709551615");
    EXPECT_EQ(written([](Out& out) { out.words(Hex{0}, " ", Hex{0xa0}, " ", Hex{~u64{0}}); }),
              "0x0 0xa0 0xffffffffffffffff");
}

TEST(Out, fills_columns_and_lets_what_is_wider_be_wider) {
    EXPECT_EQ(written([](Out& out) { out.put_right(7, 3); }), "  7");
    EXPECT_EQ(written([](Out& out) { out.put_right(1000, 3); }), "1000");
    EXPECT_EQ(written([](Out& out) { out.put_left("ab", 4); }), "ab  ");
    EXPECT_EQ(written([](Out& out) { out.put_left("abcde", 4); }), "abcde");
}

TEST(Out, says_that_it_was_cut_only_when_something_is_missing) {
    std::vector<char> memory(4);
    Out out{memory.data(), memory.size()};
    out.put("abcd");
    EXPECT_FALSE(out.was_cut());
    out.put("");
    EXPECT_FALSE(out.was_cut());
    out.put("e");
    EXPECT_TRUE(out.was_cut());
    EXPECT_EQ(out.length(), 4u);
    EXPECT_EQ(std::string(memory.begin(), memory.end()), "abcd");
}

}  // namespace
}  // namespace kurma::l0
