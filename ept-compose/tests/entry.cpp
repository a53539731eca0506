#include <gtest/gtest.h>

#include <ept/entry.hpp>
#include <testing/reference.hpp>

namespace kurma::ept {
namespace {

constexpr unsigned all_levels[] = {1, 2, 3, 4};
constexpr Capabilities everything = testing::host_capabilities;

TEST(Entry, low_bits_are_misconfigured_where_the_manual_says_so) {
    for (unsigned which = 0; which < 8; ++which) {
        const Capabilities capabilities{
            .execute_only = (which & 1) != 0, .page_1g = (which & 2) != 0, .page_2m = (which & 4) != 0};
        for (const unsigned level : all_levels) {
            for (u64 bits = 1; bits < 0x1000; ++bits) {
                if ((bits & testing::all_rights) == 0) continue;
                EXPECT_EQ(Entry{bits}.misconfigured(level, capabilities),
                          testing::reference_misconfigured(bits, level, capabilities))
                    << "bits " << std::hex << bits << " at level " << level;
            }
        }
    }
}

TEST(Entry, each_high_bit_is_misconfigured_where_the_manual_says_so) {
    for (u8 width = 32; width <= 52; ++width) {
        Capabilities capabilities = everything;
        capabilities.physical_address_width = width;
        for (const unsigned level : all_levels) {
            for (unsigned bit = 12; bit < 64; ++bit) {
                for (const u64 low : {testing::all_rights, testing::all_rights | testing::bit_large}) {
                    const u64 bits = u64{1} << bit | low;
                    EXPECT_EQ(Entry{bits}.misconfigured(level, capabilities),
                              testing::reference_misconfigured(bits, level, capabilities))
                        << "bit " << bit << " at level " << level << " width " << int{width};
                }
            }
        }
    }
}

TEST(EntryRules, end_a_walk_where_an_entry_is_not_present_or_misconfigured) {
    const auto check = [](u64 bits, unsigned level, const Capabilities& capabilities,
                          const EntryRules& rules) {
        const bool present = (bits & testing::all_rights) != 0;
        const bool ends = !present || testing::reference_misconfigured(bits, level, capabilities);
        EXPECT_EQ(rules.ends_walk(Entry{bits}, level), ends) << std::hex << bits << " at level " << level;
    };
    for (unsigned which = 0; which < 8; ++which) {
        for (const u8 width : {u8{32}, u8{39}, u8{52}}) {
            const Capabilities capabilities{.execute_only = (which & 1) != 0,
                                            .page_1g = (which & 2) != 0,
                                            .page_2m = (which & 4) != 0,
                                            .physical_address_width = width};
            const EntryRules rules{capabilities};
            for (const unsigned level : all_levels) {
                for (u64 low = 0; low < 0x1000; ++low) check(low, level, capabilities, rules);
                for (unsigned bit = 12; bit < 64; ++bit) {
                    for (const u64 low : {testing::all_rights, testing::all_rights | testing::bit_large})
                        check(u64{1} << bit | low, level, capabilities, rules);
                }
            }
        }
    }
}

TEST(Entry, ignored_bits_of_a_leaf_do_not_misconfigure_it) {
    const u64 ignored = 0xFFF0'0000'0000'0F00;
    EXPECT_FALSE(Entry{ignored | testing::all_rights | testing::type_wb}.misconfigured(1, everything));
}

TEST(Entry, bit_7_makes_a_leaf_at_levels_2_and_3_only) {
    const Entry with{testing::all_rights | testing::bit_large};
    const Entry without{testing::all_rights};
    EXPECT_TRUE(with.leaf(1) && with.leaf(2) && with.leaf(3));
    EXPECT_FALSE(with.leaf(4));
    EXPECT_TRUE(without.leaf(1));
    EXPECT_FALSE(without.leaf(2) || without.leaf(3) || without.leaf(4));
}

TEST(Entry, an_entry_without_rights_is_not_present_whatever_else_it_holds) {
    EXPECT_FALSE(Entry{~testing::all_rights}.present());
    EXPECT_TRUE(Entry{testing::bit_execute}.present());
}

TEST(Entry, a_leaf_reads_back_what_it_was_made_of) {
    for (const PageSize size : {PageSize::k4, PageSize::m2, PageSize::g1}) {
        for (const MemoryType type :
             {MemoryType::uc, MemoryType::wc, MemoryType::wt, MemoryType::wp, MemoryType::wb}) {
            for (const bool ignore_pat : {false, true}) {
                const Hpa page{0x3'4000'0000};
                const Entry leaf = Entry::make_leaf(page, size, Access::read, type, ignore_pat);
                EXPECT_TRUE(leaf.leaf(level_of(size)));
                EXPECT_EQ(leaf.address<Space::host>(), page);
                EXPECT_EQ(leaf.access(), Access::read);
                EXPECT_EQ(leaf.memory_type(), type);
                EXPECT_EQ(leaf.ignore_pat(), ignore_pat);
                EXPECT_FALSE(leaf.accessed() || leaf.dirty() || leaf.suppress_ve());
                EXPECT_FALSE(testing::reference_misconfigured(leaf.bits(), level_of(size), everything));
            }
        }
    }
}

TEST(Entry, a_table_entry_allows_all_and_points_to_the_table) {
    const Entry table = Entry::make_table(Hpa{0x12'3000});
    EXPECT_EQ(table.bits(), 0x12'3007u);
    for (const unsigned level : {2u, 3u, 4u}) EXPECT_FALSE(table.leaf(level));
}

TEST(Entry, flags_lie_where_the_manual_puts_them) {
    EXPECT_TRUE(Entry{testing::bit_accessed}.accessed());
    EXPECT_TRUE(Entry{testing::bit_dirty}.dirty());
    EXPECT_TRUE(Entry{u64{1} << 63}.suppress_ve());
    EXPECT_TRUE(Entry{testing::bit_ignore_pat}.ignore_pat());
}

}  // namespace
}  // namespace kurma::ept
