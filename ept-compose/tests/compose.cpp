#include <gtest/gtest.h>

#include <ept/compose.hpp>

namespace kurma::ept {
namespace {

constexpr PageSize sizes[] = {PageSize::k4, PageSize::m2, PageSize::g1};
constexpr MemoryType types[] = {MemoryType::uc, MemoryType::wc, MemoryType::wt, MemoryType::wp,
                                MemoryType::wb};

TEST(Compose, takes_the_smaller_page_and_leads_where_both_lead) {
    const L2Gpa address{0x1'5678'9ABC};
    for (const PageSize size12 : sizes) {
        for (const PageSize size01 : sizes) {
            const Leaf<Space::l1> leaf12{.page = L1Gpa{0x2'C040'3000}.aligned(size12), .size = size12};
            const L1Gpa l1 = behind(leaf12, address);
            const Leaf<Space::host> leaf01{.page = Hpa{0x7'8060'5000}.aligned(size01), .size = size01};
            const auto leaf02 = compose(leaf01, leaf12, address);
            EXPECT_EQ(leaf02.size, smaller(size12, size01));
            EXPECT_TRUE(leaf02.page.is_aligned(leaf02.size));
            EXPECT_EQ(leaf02.page + address.offset(leaf02.size), leaf01.page + l1.offset(size01));
        }
    }
}

TEST(Compose, allows_what_both_allow) {
    for (u64 a = 0; a < 8; ++a) {
        for (u64 b = 0; b < 8; ++b) {
            const auto leaf02 = compose({.page = Hpa{0}, .access = Access::from_bits(a)},
                                        {.page = L1Gpa{0}, .access = Access::from_bits(b)}, L2Gpa{0});
            EXPECT_EQ(leaf02.access.bits(), a & b);
        }
    }
}

TEST(Compose, ignores_the_pat_where_either_does) {
    for (const bool a : {false, true}) {
        for (const bool b : {false, true}) {
            EXPECT_EQ(
                compose({.page = Hpa{0}, .ignore_pat = a}, {.page = L1Gpa{0}, .ignore_pat = b}, L2Gpa{0})
                    .ignore_pat,
                a || b);
        }
    }
}

TEST(MemoryType, the_stricter_of_two_does_not_depend_on_order_or_grouping) {
    for (const MemoryType a : types) {
        EXPECT_EQ(stricter(a, a), a);
        EXPECT_EQ(stricter(a, MemoryType::uc), MemoryType::uc);
        EXPECT_EQ(stricter(a, MemoryType::wb), a);
        for (const MemoryType b : types) {
            EXPECT_EQ(stricter(a, b), stricter(b, a));
            for (const MemoryType c : types)
                EXPECT_EQ(stricter(stricter(a, b), c), stricter(a, stricter(b, c)));
        }
    }
}

TEST(Narrowed, picks_the_part_that_serves_the_address) {
    const Leaf<Space::host> large{.page = Hpa{0x4000'0000}, .size = PageSize::g1, .access = Access::read};
    const auto part = narrowed(large, PageSize::k4, L2Gpa{0x8012'3456});
    EXPECT_EQ(part.page, Hpa{0x4012'3000});
    EXPECT_EQ(part.size, PageSize::k4);
    EXPECT_EQ(part.access, Access::read);
    const Leaf<Space::host> small{.page = Hpa{0x5000}};
    EXPECT_EQ(narrowed(small, PageSize::m2, L2Gpa{0x12'3456}).page, small.page);
}

}  // namespace
}  // namespace kurma::ept
