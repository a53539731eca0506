#include <gtest/gtest.h>

#include <testing/builder.hpp>

namespace kurma::ept {
namespace {

using testing::Guest;
using testing::walk02;
using Kind = Resolution::Kind;
using Shadow02 = Shadow<testing::World, 16>;

constexpr L2Gpa touched{0x8'1234'5678};
constexpr L1Gpa frame12{0x4000'0000};
constexpr Hpa frame01{0x8000'0000};
constexpr u64 wb_all = testing::all_rights | testing::type_wb;

class ShadowTest : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(shadow.init(world));
        world.map01(frame12, {.page = frame01, .size = PageSize::g1, .access = Access::all});
    }
    Resolution resolve(Access wanted, L2Gpa address = touched, bool largest_pages = true) {
        return shadow.resolve(world, guest.eptp12(accessed_dirty), testing::offered(), address, wanted,
                              largest_pages);
    }
    // For what is expected to be filled, or to owe what the test says.
    void fill(Access wanted, bool owes = false, L2Gpa address = touched, bool largest_pages = true) {
        Resolution resolution = resolve(wanted, address, largest_pages);
        EXPECT_EQ(resolution.kind, Kind::filled);
        EXPECT_EQ(resolution.debt.owed(), owes);
        resolution.debt.forgive_in_test();
    }
    static bool owed(FlushDebt debt) {
        const bool result = debt.owed();
        debt.forgive_in_test();
        return result;
    }
    std::optional<Leaf<Space::host>> leaf02(L2Gpa address = touched) {
        const auto walked = walk02(world, shadow.root(), address);
        EXPECT_NE(walked.outcome, Walk<Space::host>::Outcome::misconfigured);
        if (walked.outcome != Walk<Space::host>::Outcome::leaf) return std::nullopt;
        return walked.leaf;
    }

    testing::World world;
    Guest guest{world};
    Shadow02 shadow;
    bool accessed_dirty = false;
};

TEST_F(ShadowTest, fills_a_page_of_the_smaller_size) {
    guest.map12(touched, frame12, PageSize::m2);
    const Resolution resolution = resolve(Access::read);
    EXPECT_EQ(resolution.kind, Kind::filled);
    EXPECT_EQ(resolution.size, PageSize::m2);
    EXPECT_FALSE(resolution.debt.owed());
    ASSERT_TRUE(leaf02());
    EXPECT_EQ(leaf02()->page, frame01);
    EXPECT_EQ(leaf02()->size, PageSize::m2);
    EXPECT_EQ(leaf02()->access, Access::all);
}

TEST_F(ShadowTest, fills_small_pages_alone_when_told_to) {
    guest.map12(touched, frame12, PageSize::m2);
    fill(Access::read, false, touched, false);
    ASSERT_TRUE(leaf02());
    EXPECT_EQ(leaf02()->size, PageSize::k4);
    EXPECT_EQ(leaf02()->page, frame01 + touched.page().offset(PageSize::m2));
    EXPECT_FALSE(leaf02(touched + bytes(PageSize::k4)));
}

TEST_F(ShadowTest, what_ept12_does_not_map_is_a_violation_without_rights) {
    const Resolution resolution = resolve(Access::read);
    EXPECT_EQ(resolution.kind, Kind::l1_violation);
    EXPECT_EQ(resolution.effective, Access::none);
    EXPECT_EQ(shadow.tables(), 0u);
}

TEST_F(ShadowTest, what_ept12_forbids_is_a_violation_with_its_rights) {
    guest.map12(touched, frame12, PageSize::k4, testing::bit_read | testing::bit_execute | testing::type_wb);
    const Resolution resolution = resolve(Access::write);
    EXPECT_EQ(resolution.kind, Kind::l1_violation);
    EXPECT_EQ(resolution.effective, Access::read | Access::execute);
    EXPECT_FALSE(leaf02());
}

TEST_F(ShadowTest, a_misconfigured_ept12_is_l1s_own) {
    guest.map12(touched, frame12, PageSize::k4, testing::bit_write);
    EXPECT_EQ(resolve(Access::read).kind, Kind::l1_misconfiguration);
}

TEST_F(ShadowTest, what_ept01_does_not_map_is_l0s) {
    const L1Gpa nowhere{0x2'0000'0000};
    guest.map12(touched, nowhere, PageSize::k4);
    const Resolution resolution = resolve(Access::read);
    EXPECT_EQ(resolution.kind, Kind::l0_fault);
    EXPECT_EQ(resolution.l1_address, nowhere + touched.offset(PageSize::k4));
}

TEST_F(ShadowTest, what_ept01_forbids_is_l0s) {
    world.map01(frame12, {.page = frame01, .size = PageSize::k4, .access = Access::read});
    guest.map12(touched, frame12, PageSize::k4);
    EXPECT_EQ(resolve(Access::write).kind, Kind::l0_fault);
    fill(Access::read);
    EXPECT_EQ(leaf02()->access, Access::read);
}

TEST_F(ShadowTest, an_ept12_table_that_ept01_does_not_map_is_l0s) {
    const L1Gpa nowhere{0x2'0000'0000};
    world.write_l1(guest.entry_of(touched, PageSize::m2), nowhere.value() | testing::all_rights);
    const Resolution resolution = resolve(Access::read);
    EXPECT_EQ(resolution.kind, Kind::l0_fault);
    EXPECT_EQ(resolution.l1_address.page(), nowhere);
}

TEST_F(ShadowTest, a_second_touch_with_more_rights_raises_without_debt) {
    guest.map12(touched, frame12, PageSize::k4, testing::bit_read | testing::type_wb);
    fill(Access::read);
    guest.map12(touched, frame12, PageSize::k4);
    fill(Access::write);
    EXPECT_EQ(leaf02()->access, Access::all);
}

TEST_F(ShadowTest, lowered_rights_another_frame_and_another_size_owe_a_flush) {
    guest.map12(touched, frame12, PageSize::k4);
    fill(Access::read);
    guest.map12(touched, frame12, PageSize::k4, testing::bit_read | testing::type_wb);
    fill(Access::read, true);
    guest.map12(touched, frame12 + 0x5000, PageSize::k4);
    fill(Access::read, true);
    world.write_l1(guest.entry_of(touched, PageSize::m2), frame12.value() | testing::bit_large | wb_all);
    fill(Access::read, true);
    EXPECT_EQ(leaf02()->size, PageSize::m2);
    fill(Access::read, true, touched, false);
    EXPECT_EQ(leaf02()->size, PageSize::k4);
}

TEST_F(ShadowTest, with_flags_on_a_page_is_read_only_until_the_first_write_makes_ept12_dirty) {
    accessed_dirty = true;
    const L1Gpa leaf12 = guest.map12(touched, frame12, PageSize::k4);
    fill(Access::read);
    EXPECT_EQ(leaf02()->access, Access::read | Access::execute);
    EXPECT_EQ(world.peek_l1(leaf12).value() & (testing::bit_accessed | testing::bit_dirty),
              testing::bit_accessed);
    fill(Access::write);
    EXPECT_EQ(leaf02()->access, Access::all);
    EXPECT_TRUE(world.peek_l1(leaf12).value() & testing::bit_dirty);
}

TEST_F(ShadowTest, says_of_the_first_write_alone_that_it_made_ept12_dirty) {
    accessed_dirty = true;
    guest.map12(touched, frame12, PageSize::m2);
    for (const auto& [wanted, dirtied] :
         {std::pair{Access::read, false}, std::pair{Access::write, true}, std::pair{Access::write, false}}) {
        Resolution resolution = resolve(wanted);
        EXPECT_EQ(resolution.kind, Kind::filled);
        EXPECT_EQ(resolution.dirtied, dirtied);
        resolution.debt.forgive_in_test();
    }
}

TEST_F(ShadowTest, keeping_flags_stops_what_needs_one_and_nothing_else) {
    accessed_dirty = true;
    const L1Gpa leaf12 = guest.map12(touched, frame12, PageSize::m2);
    const u64 before = world.peek_l1(leaf12).value();
    const auto keeping_flags = [&](Access wanted) {
        Resolution resolution = shadow.resolve(world, guest.eptp12(accessed_dirty), testing::offered(),
                                               touched, wanted, true, Flags::keep);
        resolution.debt.forgive_in_test();
        return resolution.kind;
    };
    EXPECT_EQ(keeping_flags(Access::read), Kind::flag_needed) << "the accessed flags are clear";
    EXPECT_EQ(world.peek_l1(leaf12).value(), before);
    EXPECT_FALSE(leaf02());
    fill(Access::read);
    EXPECT_EQ(keeping_flags(Access::read), Kind::filled);
    EXPECT_EQ(keeping_flags(Access::write), Kind::flag_needed) << "the dirty flag is clear";
    fill(Access::write);
    EXPECT_EQ(keeping_flags(Access::write), Kind::filled);
}

TEST_F(ShadowTest, a_violation_tells_whether_ept12s_last_entry_suppresses_the_exception) {
    constexpr u64 suppress = u64{1} << 63;
    EXPECT_FALSE(resolve(Access::read).suppress_ve) << "of an entry that is not present: its bit 63";
    guest.map12(touched, frame12, PageSize::m2, testing::bit_read | testing::type_wb);
    EXPECT_FALSE(resolve(Access::write).suppress_ve);
    guest.map12(touched, frame12, PageSize::m2, testing::bit_read | testing::type_wb | suppress);
    EXPECT_TRUE(resolve(Access::write).suppress_ve);
}

TEST_F(ShadowTest, with_flags_on_a_page_dirty_already_is_writable_at_once) {
    accessed_dirty = true;
    guest.map12(touched, frame12, PageSize::m2, wb_all | testing::bit_dirty);
    fill(Access::read);
    EXPECT_EQ(leaf02()->access, Access::all);
}

TEST_F(ShadowTest, with_flags_off_ept12_is_not_written) {
    const L1Gpa leaf12 = guest.map12(touched, frame12, PageSize::k4);
    fill(Access::write);
    EXPECT_EQ(world.peek_l1(leaf12), frame12.value() | wb_all);
}

TEST_F(ShadowTest, an_ept12_that_changes_under_our_eyes_is_tried_again) {
    accessed_dirty = true;
    const L1Gpa leaf12 = guest.map12(touched, frame12, PageSize::k4);
    world.after_read = [&](L1Gpa at) {
        if (at == leaf12) world.write_l1(at, 0);
    };
    EXPECT_EQ(resolve(Access::write).kind, Kind::again);
    EXPECT_EQ(world.peek_l1(leaf12), 0u);
    EXPECT_FALSE(leaf02());
    EXPECT_EQ(resolve(Access::write).kind, Kind::l1_violation);
}

TEST_F(ShadowTest, dropping_all_forgets_every_page_and_gives_the_tables_back) {
    const usize before = world.tables_in_use();
    guest.map12(touched, frame12, PageSize::k4);
    guest.map12(L2Gpa{u64{1} << 40}, frame12, PageSize::m2);
    fill(Access::read);
    fill(Access::read, false, L2Gpa{u64{1} << 40});
    EXPECT_EQ(shadow.tables(), 5u);
    EXPECT_TRUE(owed(shadow.drop_all(world)));
    EXPECT_EQ(shadow.tables(), 0u);
    EXPECT_EQ(world.tables_in_use(), before);
    EXPECT_FALSE(leaf02());
    EXPECT_FALSE(leaf02(L2Gpa{u64{1} << 40}));
    fill(Access::read);
}

TEST_F(ShadowTest, dropping_an_empty_ept02_touches_nothing_and_owes_nothing) {
    const usize stores = world.history.size();
    EXPECT_FALSE(owed(shadow.drop_all(world)));
    EXPECT_FALSE(owed(shadow.drop(world, touched, PageSize::k4)));
    EXPECT_EQ(world.history.size(), stores);
}

TEST_F(ShadowTest, dropping_a_page_leaves_its_neighbour) {
    const L2Gpa next = touched + bytes(PageSize::k4);
    guest.map12(touched, frame12, PageSize::m2);
    fill(Access::read, false, touched, false);
    fill(Access::read, false, next, false);
    EXPECT_TRUE(owed(shadow.drop(world, touched, PageSize::k4)));
    EXPECT_FALSE(leaf02());
    EXPECT_TRUE(leaf02(next));
    EXPECT_TRUE(owed(shadow.drop(world, touched, PageSize::m2)));
    EXPECT_FALSE(leaf02(next));
}

TEST_F(ShadowTest, dropping_a_part_of_a_large_page_drops_all_of_it) {
    guest.map12(touched, frame12, PageSize::m2);
    fill(Access::read);
    EXPECT_TRUE(owed(shadow.drop(world, touched + bytes(PageSize::k4), PageSize::k4)));
    EXPECT_FALSE(leaf02());
}

TEST_F(ShadowTest, says_when_tables_run_out_and_goes_on_once_dropped) {
    for (u64 i = 0; i < 5; ++i) guest.map12(L2Gpa{i << 39}, frame12, PageSize::k4);
    for (u64 i = 0; i < 5; ++i) fill(Access::read, false, L2Gpa{i << 39});
    EXPECT_EQ(shadow.tables(), 15u);
    guest.map12(L2Gpa{u64{5} << 39}, frame12, PageSize::k4);
    const L2Gpa sixth{u64{5} << 39};
    EXPECT_EQ(resolve(Access::read, sixth).kind, Kind::out_of_tables);
    EXPECT_TRUE(leaf02(L2Gpa{0}));
    EXPECT_TRUE(owed(shadow.drop_all(world)));
    fill(Access::read, false, sixth);
}

TEST_F(ShadowTest, says_when_the_world_has_no_more_tables) {
    guest.map12(touched, frame12, PageSize::k4);
    world.table_limit = world.tables_in_use() + 2;
    EXPECT_EQ(resolve(Access::read).kind, Kind::out_of_tables);
    EXPECT_FALSE(leaf02());
    world.table_limit += 1;
    fill(Access::read);
}

// Sixteen pages of L2's from `touched` on, its neighbours' frames in reverse.
class FillAroundTest : public ShadowTest {
  protected:
    static constexpr L2Gpa first{0x8'1234'0000};
    static constexpr u64 pages = 16;

    static L2Gpa page(u64 i) { return first + i * bytes(PageSize::k4); }
    static L1Gpa behind_page(u64 i) { return frame12 + (pages - i) * bytes(PageSize::k4); }
    void map_all(u64 bits = wb_all) {
        for (u64 i = 0; i < pages; ++i) entries[i] = guest.map12(page(i), behind_page(i), PageSize::k4, bits);
    }
    void fill_around(u64 i, u64 count) {
        fill(Access::read, false, page(i));
        shadow.fill_around(world, guest.eptp12(accessed_dirty), testing::offered(), page(i), count);
    }
    u64 present() {
        u64 number = 0;
        for (u64 i = 0; i < pages; ++i) number += leaf02(page(i)).has_value();
        return number;
    }

    std::array<L1Gpa, pages> entries;
};

TEST_F(FillAroundTest, the_aligned_block_is_filled_and_no_page_more) {
    map_all();
    fill_around(6, 4);
    EXPECT_EQ(present(), 4u);
    for (u64 i = 4; i < 8; ++i) {
        ASSERT_TRUE(leaf02(page(i)));
        EXPECT_EQ(leaf02(page(i))->page, frame01 + behind_page(i).offset(PageSize::g1));
        EXPECT_EQ(leaf02(page(i))->access, Access::all);
    }
    fill_around(12, 1);
    EXPECT_EQ(present(), 5u);
    fill_around(12, 512);
    EXPECT_EQ(present(), pages);
}

TEST_F(FillAroundTest, a_block_ends_with_its_table) {
    const L2Gpa last = first.aligned(PageSize::m2) + bytes(PageSize::m2) + (511 << page_shift);
    const L2Gpa beyond = last + bytes(PageSize::k4);
    for (const L2Gpa at : {last, beyond}) guest.map12(at, frame12, PageSize::k4);
    fill(Access::read, false, last);
    shadow.fill_around(world, guest.eptp12(), testing::offered(), last, 500);
    EXPECT_FALSE(leaf02(beyond));
}

TEST_F(FillAroundTest, what_ept02_has_already_stays_as_it_is) {
    map_all(testing::bit_read | testing::type_wb);
    fill(Access::read, false, page(1));
    map_all();
    fill_around(0, 4);
    EXPECT_EQ(leaf02(page(1))->access, Access::read) << "to change it might owe a flush";
    EXPECT_EQ(leaf02(page(2))->access, Access::all);
}

TEST_F(FillAroundTest, what_has_no_page_or_no_right_is_left_out) {
    map_all();
    world.write_l1(entries[0], 0);
    world.write_l1(entries[1], testing::bit_write);
    world.write_l1(entries[2], 0x2'0000'0000 | wb_all);
    fill_around(3, 4);
    EXPECT_EQ(present(), 1u);
}

TEST_F(FillAroundTest, with_flags_on_only_what_was_used_before_and_no_flag_is_set) {
    accessed_dirty = true;
    map_all();
    world.write_l1(entries[1], world.peek_l1(entries[1]).value() | testing::bit_accessed);
    world.write_l1(entries[2],
                   world.peek_l1(entries[2]).value() | testing::bit_accessed | testing::bit_dirty);
    const std::array before{world.peek_l1(entries[1]), world.peek_l1(entries[2]), world.peek_l1(entries[3])};
    fill_around(0, 4);
    EXPECT_EQ(leaf02(page(1))->access, Access::read | Access::execute) << "the first write must be seen";
    EXPECT_EQ(leaf02(page(2))->access, Access::all);
    EXPECT_FALSE(leaf02(page(3)));
    EXPECT_EQ(before,
              (std::array{world.peek_l1(entries[1]), world.peek_l1(entries[2]), world.peek_l1(entries[3])}));
}

TEST_F(FillAroundTest, a_large_page_of_ept12_is_left_alone) {
    guest.map12(touched, frame12, PageSize::m2);
    fill(Access::read, false, touched, false);
    shadow.fill_around(world, guest.eptp12(), testing::offered(), touched, 8);
    EXPECT_FALSE(leaf02(touched + bytes(PageSize::k4)));
}

TEST_F(FillAroundTest, each_entry_of_ept12_is_read_once) {
    map_all();
    fill_around(0, 16);
    EXPECT_EQ(world.reads.size(), 3u + pages);
    for (const auto& [at, count] : world.reads) EXPECT_EQ(count, 1u) << std::hex << at;
}

TEST_F(ShadowTest, after_release_nothing_is_kept) {
    Shadow02 other;
    const usize before = world.tables_in_use();
    ASSERT_TRUE(other.init(world));
    EXPECT_FALSE(owed(other.release(world)));
    EXPECT_EQ(world.tables_in_use(), before);
    world.table_limit = before;
    EXPECT_FALSE(other.init(world));
}

}  // namespace
}  // namespace kurma::ept
