#include "l1vm/watched_pages.hpp"

#include "../testing/fake_machine.hpp"
#include "l1vm/partition.hpp"

namespace kurma::l0::l1vm {
namespace {

using ept::Hpa;
using ept::L1Gpa;

constexpr u64 mib = FakeMachine::mib;

/// 1 GiB of L1's by the map; its memory itself is never touched, but for ept01 in the lowest 4 MiB.
struct WatchedPagesTest : testing::Test {
    WatchedPagesTest() {
        map.add({4 * mib, 1020 * mib, mm::RangeType::available});
        pages.init(Hpa{mib}, Hpa{4 * mib});
        host.page_2m = true;
        host.physical_address_width = 39;
        partition.init(pages, map, {}, host);
    }
    /// Watches a page as a caller does who pays; says whether INVEPT was owed.
    WatchedPages::Ticket watch(L1Gpa at, u64 clock) {
        auto watching = partition.watch(world, at, clock);
        owed = false;
        watching.debt.pay([&] { owed = true; });
        shadowed = watching.shadowed;
        return watching.ticket;
    }
    bool good(const WatchedPages::Ticket& ticket) const { return partition.watched().good(ticket); }
    bool present(L1Gpa at) { return ept::lookup(world, partition.root(), at).has_value(); }
    void use_up_tables() {
        while (pages.free_pages() > 0) static_cast<void>(pages.allocate());
    }

    FakeMachine machine{4 * mib};
    mm::MemoryMap map;
    mm::Pages pages;
    ept::Capabilities host{};
    Partition partition;
    EptWorld world{pages, partition};
    bool owed = false, shadowed = false;
    const L1Gpa page{100 * mib + 0x5000};
    static constexpr u64 later = 1000;
};

TEST_F(WatchedPagesTest, takes_the_page_and_no_other_out_of_ept01_against_a_debt) {
    const auto ticket = watch(page, later);
    EXPECT_TRUE(good(ticket));
    EXPECT_TRUE(owed);
    EXPECT_TRUE(shadowed) << "nobody knows what ept02s hold of it";
    for (u64 at = 100 * mib; at < 102 * mib; at += 4096) {
        ASSERT_EQ(present(L1Gpa{at}), at != page.value()) << std::hex << at;
        const auto leaf = ept::lookup(world, partition.root(), L1Gpa{at});
        if (leaf) {
            ASSERT_EQ(leaf->page, Hpa{at});
        }
    }
    EXPECT_EQ(ept::lookup(world, partition.root(), L1Gpa{102 * mib})->size, ept::PageSize::m2);
}

TEST_F(WatchedPagesTest, any_byte_that_is_written_gives_the_page_back_and_voids_its_ticket) {
    for (const u64 offset : {u64{0}, u64{0x800}, u64{0xfff}}) {
        const auto ticket = watch(page, later * (offset + 1));
        const u64 revision = partition.watched().revision();
        ASSERT_TRUE(good(ticket));
        EXPECT_EQ(partition.translate_for_write(page + offset), Hpa{page.value() + offset});
        EXPECT_FALSE(good(ticket));
        EXPECT_NE(partition.watched().revision(), revision);
        EXPECT_TRUE(present(page));
        EXPECT_EQ(ept::lookup(world, partition.root(), page)->access, ept::Access::all);
    }
}

TEST_F(WatchedPagesTest, writes_elsewhere_leave_a_ticket_good) {
    const auto ticket = watch(page, later);
    const u64 revision = partition.watched().revision();
    for (const u64 other : {page.value() - 1, page.value() + 4096, page.value() + 64 * 4096, 8 * mib})
        static_cast<void>(partition.translate_for_write(L1Gpa{other}));
    EXPECT_TRUE(good(ticket));
    EXPECT_EQ(partition.watched().revision(), revision);
}

TEST_F(WatchedPagesTest, a_page_that_is_watched_already_gives_the_same_ticket_for_nothing) {
    const auto first = watch(page, later);
    const auto second = watch(page, later + 1);
    EXPECT_EQ(first.number, second.number);
    EXPECT_FALSE(owed);
    EXPECT_FALSE(shadowed);
}

TEST_F(WatchedPagesTest, an_old_ticket_is_not_good_for_a_new_watch) {
    const auto old = watch(page, later);
    static_cast<void>(partition.translate_for_write(page));
    const auto fresh = watch(page, 2 * later);
    EXPECT_TRUE(good(fresh));
    EXPECT_FALSE(good(old));
}

TEST_F(WatchedPagesTest, ept02s_are_dropped_again_only_if_one_has_taken_the_page_since) {
    static_cast<void>(watch(page, later));
    static_cast<void>(partition.translate_for_write(page));
    static_cast<void>(watch(page, 2 * later));
    EXPECT_TRUE(owed);
    EXPECT_FALSE(shadowed);
    static_cast<void>(partition.translate_for_write(page));
    EXPECT_TRUE(world.walk01(page + 8));
    static_cast<void>(watch(page, 3 * later));
    EXPECT_TRUE(shadowed);
    EXPECT_FALSE(world.walk01(page)) << "no ept02 gets it while it is watched";
}

TEST_F(WatchedPagesTest, a_page_touched_at_once_is_left_alone_for_a_while) {
    static_cast<void>(watch(page, later));
    static_cast<void>(partition.translate_for_write(page));
    u64 refused = 0;
    while (!good(watch(page, later + 1 + refused))) {
        ASSERT_TRUE(present(page));
        ASSERT_LT(++refused, 1000u);
    }
    EXPECT_GE(refused, 32u);
}

TEST_F(WatchedPagesTest, the_pages_beyond_its_capacity_push_out_the_oldest) {
    std::vector<WatchedPages::Ticket> tickets;
    for (u64 i = 0; i <= WatchedPages::capacity; ++i) tickets.push_back(watch(page + i * 4096, later));
    EXPECT_FALSE(good(tickets.front()));
    EXPECT_TRUE(present(page));
    for (u64 i = 1; i <= WatchedPages::capacity; ++i) EXPECT_TRUE(good(tickets[i])) << i;
    static_cast<void>(watch(page, 2 * later));
    EXPECT_TRUE(shadowed) << "what ept02s hold of it is forgotten too";
}

TEST_F(WatchedPagesTest, no_more_large_pages_are_split_than_l0_allows) {
    u64 split = 0;
    for (u64 at = 8 * mib; at < 1024 * mib; at += 2 * mib) split += good(watch(L1Gpa{at}, later)) ? 1u : 0u;
    EXPECT_EQ(split, 128u);
    EXPECT_TRUE(good(watch(L1Gpa{8 * mib + 4096}, later))) << "in a page that is split already";
}

TEST_F(WatchedPagesTest, without_a_table_nothing_is_watched_and_nothing_is_lost) {
    use_up_tables();
    EXPECT_FALSE(good(watch(page, later)));
    EXPECT_TRUE(present(page));
}

TEST_F(WatchedPagesTest, what_is_no_memory_is_not_watched) {
    EXPECT_FALSE(good(watch(L1Gpa{2048 * mib}, later)));
    EXPECT_FALSE(good(watch(L1Gpa{0xfffffffffffff000}, later)));
}

TEST_F(WatchedPagesTest, when_nothing_is_to_be_watched_all_pages_are_back) {
    const auto first = watch(page, later);
    const auto second = watch(page + 4096, later);
    const u64 revision = partition.watched().revision();
    partition.watch_nothing();
    EXPECT_FALSE(good(first) || good(second));
    EXPECT_TRUE(present(page) && present(page + 4096));
    EXPECT_NE(partition.watched().revision(), revision);
    EXPECT_TRUE(good(watch(page, later))) << "and may be watched anew";
}

}  // namespace
}  // namespace kurma::l0::l1vm
