#include "mm/pages.hpp"

#include <set>

#include "../testing/fake_machine.hpp"

namespace kurma::l0::mm {
namespace {

constexpr u64 first = 0x200000, page = 4096;
constexpr usize count = 8;

TEST(Pages, hands_out_each_page_once_and_then_none) {
    FakeMachine machine{4 * FakeMachine::mib};
    Pages pages;
    pages.init(ept::Hpa{first}, ept::Hpa{first + count * page});
    EXPECT_EQ(pages.free_pages(), count);
    std::set<u64> seen;
    for (usize i = 0; i < count; ++i) {
        const auto got = pages.allocate();
        ASSERT_TRUE(got);
        EXPECT_TRUE(got->value() >= first && got->value() < first + count * page && got->value() % page == 0);
        seen.insert(got->value());
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_FALSE(pages.allocate());
    EXPECT_EQ(pages.free_pages(), 0u);
    EXPECT_THROW(must_allocate(pages), Panicked);
}

TEST(Pages, hands_out_zeroed_pages_also_after_use) {
    FakeMachine machine{4 * FakeMachine::mib};
    Pages pages;
    pages.init(ept::Hpa{first}, ept::Hpa{first + page});
    EXPECT_EQ(machine.get(must_allocate(pages).value(), page), Bytes(page, u8{0}));
    machine.put(first, Bytes(page, u8{0xaa}));
    pages.free(ept::Hpa{first});
    EXPECT_EQ(pages.free_pages(), 1u);
    EXPECT_EQ(machine.get(must_allocate(pages).value(), page), Bytes(page, u8{0}));
}

TEST(Pages, hands_out_a_run_of_pages_in_one_piece_or_not_at_all) {
    FakeMachine machine{4 * FakeMachine::mib};
    Pages pages;
    pages.init(ept::Hpa{first}, ept::Hpa{first + count * page});
    const ept::Hpa single = must_allocate(pages);
    EXPECT_FALSE(pages.allocate_run(count));
    const auto run = pages.allocate_run(count - 1);
    ASSERT_TRUE(run);
    EXPECT_EQ(run->value(), first + page);
    EXPECT_EQ(machine.get(run->value(), (count - 1) * page), Bytes((count - 1) * page, u8{0}));
    EXPECT_EQ(pages.free_pages(), 0u);
    pages.free(single);
    EXPECT_FALSE(pages.allocate_run(1)) << "a page that came back may lie anywhere";
    EXPECT_TRUE(pages.allocate());
}

}  // namespace
}  // namespace kurma::l0::mm
