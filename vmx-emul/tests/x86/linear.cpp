// The walk of L1's own page tables: 64-bit ones (SDM 3A 4.5), rights (4.6), faults (4.7), flags (4.8).
#include <gtest/gtest.h>

#include <x86/linear.hpp>

#include "../../testing/page_tables.hpp"

namespace kurma::x86 {

static void PrintTo(const Translation& t, std::ostream* out) {
    if (t.ok)
        *out << "at 0x" << std::hex << t.address.value();
    else
        *out << "fault " << t.fault.error_code << " at 0x" << std::hex << t.fault.linear_address;
}
static bool operator==(const Translation& a, const Translation& b) {
    return a.ok == b.ok && a.address == b.address && a.fault == b.fault;
}

namespace {

namespace pte = vmx::testing::pte;
using vmx::testing::FakeMemory;
using vmx::testing::PageTables;
using vmx::testing::PagingMode;

Translation at(u64 physical) { return {true, ept::L1Gpa{physical}, {}}; }
Translation faults(u32 error_code, u64 linear) {
    return {false, ept::L1Gpa{0}, {Vector::page_fault, error_code, linear}};
}

// Error codes, by SDM 3A figure 4-12: P 1, W/R 2, RSVD 8. VMX instructions access as supervisor: U/S is 0.
constexpr u32 missing_read = 0, missing_write = 2, denied_read = 1, denied_write = 3, reserved_read = 9,
              reserved_write = 11;

constexpr u64 linear = 0xffff'8012'3456'7000;

struct FourLevel : ::testing::Test {
    FourLevel() {
        regs.cr3 = tables.root();
        regs.cr0 = 0x8001'0031;  // PG, WP, ET, NE, PE
        regs.cr4 = 0x20;
        regs.efer = 0xd00;  // LME, LMA, NXE
        regs.physical_address_width = 40;
    }
    Translation read(u64 address) { return translate_linear(memory, regs, address, DataAccess::read); }
    Translation write(u64 address) { return translate_linear(memory, regs, address, DataAccess::write); }

    FakeMemory memory{1u << 20};
    PageTables tables{memory, PagingMode::four_level, 0x1000};
    PagingRegisters regs;
};

TEST_F(FourLevel, a_small_page_translates_with_its_offset) {
    tables.map(linear, 0x12'3456'7000, pte::supervisor_rw);
    EXPECT_EQ(read(linear), at(0x12'3456'7000));
    EXPECT_EQ(write(linear + 0xabc), at(0x12'3456'7abc));
}

TEST_F(FourLevel, each_level_has_nine_bits_of_the_address) {
    for (unsigned bit = 12; bit < 48; ++bit) {
        FakeMemory fresh{1u << 20};
        PageTables one{fresh, PagingMode::four_level, 0x1000};
        const u64 sign = bit == 47 ? 0xffff'0000'0000'0000 : 0;
        one.map(u64{1} << bit | sign, 0x5000);
        EXPECT_EQ(translate_linear(fresh, regs, u64{1} << bit | sign, DataAccess::read), at(0x5000)) << bit;
        EXPECT_FALSE(translate_linear(fresh, regs, 0, DataAccess::read).ok);
    }
}

TEST_F(FourLevel, large_pages_translate_with_longer_offsets) {
    tables.map(0x4020'0000, 0x12'3460'0000, pte::supervisor_rw, 2);
    EXPECT_EQ(read(0x403a'bcde), at(0x12'347a'bcde));
    tables.map(0x80'0000'0000, 0x12'4000'0000, pte::supervisor_rw, 3);
    EXPECT_EQ(read(0x80'1234'5678), at(0x12'5234'5678));
}

TEST_F(FourLevel, a_missing_entry_at_any_level_faults) {
    for (unsigned level = 1; level <= 4; ++level) {
        FakeMemory fresh{1u << 20};
        PageTables one{fresh, PagingMode::four_level, 0x1000};
        one.map(linear, 0x5000);
        one.poke(one.entry(linear, level), one.peek(one.entry(linear, level)) & ~pte::present);
        EXPECT_EQ(translate_linear(fresh, regs, linear + 5, DataAccess::read),
                  faults(missing_read, linear + 5));
        EXPECT_EQ(translate_linear(fresh, regs, linear + 5, DataAccess::write),
                  faults(missing_write, linear + 5));
    }
}

TEST_F(FourLevel, a_table_outside_of_memory_faults_as_missing) {
    tables.map(linear, 0x5000);
    tables.poke(tables.entry(linear, 2), u64{1} << 39 | pte::supervisor_rw);
    EXPECT_EQ(read(linear), faults(missing_read, linear));
}

// A write needs the R/W flag at every level, if CR0.WP is set (4.6.1, supervisor-mode accesses).
TEST_F(FourLevel, write_protection_counts_at_every_level_under_wp) {
    for (unsigned level = 1; level <= 4; ++level) {
        FakeMemory fresh{1u << 20};
        PageTables one{fresh, PagingMode::four_level, 0x1000};
        one.map(linear, 0x5000, pte::supervisor_rw);
        one.poke(one.entry(linear, level), one.peek(one.entry(linear, level)) & ~pte::writable);
        PagingRegisters without_wp = regs;
        without_wp.cr0 &= ~u64{1u << 16};
        EXPECT_EQ(translate_linear(fresh, regs, linear, DataAccess::read), at(0x5000)) << level;
        EXPECT_EQ(translate_linear(fresh, regs, linear, DataAccess::write), faults(denied_write, linear))
            << level;
        EXPECT_EQ(translate_linear(fresh, without_wp, linear, DataAccess::write), at(0x5000)) << level;
    }
}

// 4.6.1: with CR4.SMAP, a supervisor may touch a user page only while RFLAGS.AC is set. A page is a user page
// if the U/S flag is set at every level.
TEST_F(FourLevel, smap_closes_user_pages) {
    constexpr u64 smap = 1u << 21;
    tables.map(linear, 0x5000, pte::user_rw);
    EXPECT_EQ(read(linear), at(0x5000));
    regs.cr4 |= smap;
    EXPECT_EQ(read(linear), faults(denied_read, linear));
    EXPECT_EQ(write(linear), faults(denied_write, linear));
    regs.rflags_ac = 1u << 18;
    EXPECT_EQ(read(linear), at(0x5000));
    EXPECT_EQ(write(linear), at(0x5000));
    regs.rflags_ac = 0;
    for (unsigned level = 1; level <= 4; ++level) {
        const u64 entry = tables.entry(linear, level), before = tables.peek(entry);
        tables.poke(entry, before & ~pte::user);
        EXPECT_EQ(read(linear), at(0x5000)) << "a supervisor page because of level " << level;
        tables.poke(entry, before);
    }
}

TEST_F(FourLevel, an_access_sets_the_accessed_flag_at_every_level) {
    tables.map(linear, 0x5000, pte::supervisor_rw);
    ASSERT_TRUE(read(linear).ok);
    for (unsigned level = 1; level <= 4; ++level)
        EXPECT_NE(tables.peek(tables.entry(linear, level)) & pte::accessed, 0u) << level;
    EXPECT_EQ(tables.peek(tables.entry(linear, 1)) & pte::dirty, 0u);
}

TEST_F(FourLevel, a_write_sets_the_dirty_flag_in_the_leaf_alone) {
    for (unsigned size = 1; size <= 3; ++size) {
        const u64 address = u64{size} << 40;
        tables.map(address, u64{1} << 30, pte::supervisor_rw, size);
        ASSERT_TRUE(write(address).ok);
        for (unsigned level = size; level <= 4; ++level) {
            const u64 flags = tables.peek(tables.entry(address, level));
            EXPECT_NE(flags & pte::accessed, 0u) << level;
            EXPECT_EQ((flags & pte::dirty) != 0, level == size) << level;
        }
    }
}

TEST_F(FourLevel, a_fault_leaves_the_leaf_as_it_is) {
    const u64 leaf = tables.map(linear, 0x5000, pte::present);
    EXPECT_FALSE(write(linear).ok);
    EXPECT_EQ(tables.peek(leaf), 0x5000 | pte::present);
}

TEST_F(FourLevel, reads_each_entry_once) {
    tables.map(linear, 0x5000, pte::supervisor_rw);
    memory.forget_reads();
    ASSERT_TRUE(write(linear).ok);
    EXPECT_EQ(memory.reads().size(), 4u);
    for (unsigned level = 1; level <= 4; ++level)
        EXPECT_EQ(memory.reads_touching(tables.entry(linear, level)), 1u) << level;
}

/// Sets one bit in the entry of a level and says whether the walk then faults for a reserved bit.
TEST_F(FourLevel, address_bits_beyond_the_width_are_reserved_at_every_level) {
    tables.map(linear, 0x5000, pte::supervisor_rw);
    for (unsigned level = 1; level <= 4; ++level) {
        const u64 entry = tables.entry(linear, level), before = tables.peek(entry);
        for (unsigned bit = 40; bit < 52; ++bit) {
            tables.poke(entry, before | u64{1} << bit);
            EXPECT_EQ(read(linear), faults(reserved_read, linear)) << level << " bit " << bit;
            EXPECT_EQ(write(linear), faults(reserved_write, linear)) << level << " bit " << bit;
        }
        for (unsigned bit = 52; bit < 63; ++bit) {
            tables.poke(entry, before | u64{1} << bit);
            EXPECT_EQ(read(linear), at(0x5000)) << "ignored: level " << level << " bit " << bit;
        }
        tables.poke(entry, before);
    }
}

TEST_F(FourLevel, execute_disable_is_reserved_unless_enabled) {
    tables.map(linear, 0x5000, pte::supervisor_rw);
    for (unsigned level = 1; level <= 4; ++level) {
        const u64 entry = tables.entry(linear, level), before = tables.peek(entry);
        tables.poke(entry, before | pte::execute_disable);
        regs.efer = 0xd00;
        EXPECT_EQ(read(linear), at(0x5000)) << "data may be read from it: level " << level;
        regs.efer = 0x500;
        EXPECT_EQ(read(linear), faults(reserved_read, linear)) << "level " << level;
        tables.poke(entry, before);
    }
}

TEST_F(FourLevel, the_page_size_flag_is_reserved_in_the_root_table) {
    tables.map(linear, 0x5000, pte::supervisor_rw);
    const u64 entry = tables.entry(linear, 4);
    tables.poke(entry, tables.peek(entry) | pte::large);
    EXPECT_EQ(read(linear), faults(reserved_read, linear));
}

TEST_F(FourLevel, address_bits_below_a_large_page_are_reserved) {
    for (unsigned size = 2; size <= 3; ++size) {
        const u64 address = u64{size} << 40;
        const u64 leaf = tables.map(address, u64{1} << 30, pte::supervisor_rw, size),
                  before = tables.peek(leaf);
        for (unsigned bit = 13; bit < 12 + 9 * (size - 1); ++bit) {
            tables.poke(leaf, before | u64{1} << bit);
            EXPECT_EQ(read(address), faults(reserved_read, address)) << size << " bit " << bit;
        }
        constexpr unsigned pat = 12;
        tables.poke(leaf, before | u64{1} << pat);
        EXPECT_EQ(read(address), at(u64{1} << 30)) << "bit 12 is the PAT flag";
        tables.poke(leaf, before);
    }
}

TEST_F(FourLevel, the_page_size_flag_is_reserved_where_the_processor_has_no_1_gib_pages) {
    tables.map(0x80'0000'0000, 0x12'4000'0000, pte::supervisor_rw, 3);
    tables.map(0x81'0000'0000, 0x12'4000'0000, pte::supervisor_rw, 2);
    regs.page_1g = false;
    EXPECT_EQ(read(0x80'0000'0000), faults(reserved_read, 0x80'0000'0000));
    EXPECT_EQ(read(0x81'0000'0000), at(0x12'4000'0000)) << "2 MiB pages are everybody's";
}

TEST_F(FourLevel, a_missing_entry_has_no_reserved_bits) {
    const u64 leaf = tables.map(linear, 0x5000, pte::supervisor_rw);
    tables.poke(leaf, ~pte::present);
    EXPECT_EQ(read(linear), faults(missing_read, linear));
}

TEST_F(FourLevel, cr3_gives_the_root_by_its_address_bits_alone) {
    tables.map(linear, 0x5000, pte::supervisor_rw);
    constexpr u64 pcid = 0xfff;
    regs.cr3 |= pcid;
    EXPECT_EQ(read(linear), at(0x5000));
}

}  // namespace
}  // namespace kurma::x86
