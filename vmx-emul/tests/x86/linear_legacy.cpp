// Page walks of an L1 outside of IA-32e mode: no paging, 32-bit (SDM 3A 4.3) and PAE paging (4.4).
#include <gtest/gtest.h>

#include <x86/linear.hpp>

#include "../../testing/page_tables.hpp"

namespace kurma::x86 {

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
constexpr u32 missing_read = 0, missing_write = 2, denied_write = 3, denied_read = 1, reserved_read = 9;
constexpr u64 cr4_pse = 1u << 4, cr4_pae = 1u << 5, cr4_smap = 1u << 21;

struct LegacyPaging : ::testing::Test {
    LegacyPaging() {
        regs.cr0 = 0x8001'0031;
        regs.physical_address_width = 40;
    }
    Translation read(u64 address) { return translate_linear(memory, regs, address, DataAccess::read); }
    Translation write(u64 address) { return translate_linear(memory, regs, address, DataAccess::write); }
    FakeMemory memory{1u << 20};
    PagingRegisters regs;
};

TEST_F(LegacyPaging, without_paging_a_linear_address_is_a_physical_one) {
    regs.cr0 = 0x31;
    EXPECT_EQ(read(0x1234'5678), at(0x1234'5678));
    EXPECT_EQ(write(0xffff'fffc), at(0xffff'fffc));
    EXPECT_TRUE(memory.reads().empty());
}

struct Bits32 : LegacyPaging {
    Bits32() { regs.cr3 = tables.root(); }
    PageTables tables{memory, PagingMode::bits32, 0x1000};
};

TEST_F(Bits32, a_small_page_translates_through_two_levels) {
    for (unsigned bit = 12; bit < 32; ++bit) {
        tables.map(u64{1} << bit, 0xabcd'e000, pte::supervisor_rw);
        EXPECT_EQ(read(u64{1} << bit | 0x123), at(0xabcd'e123)) << bit;
    }
    memory.forget_reads();
    EXPECT_TRUE(read(0x1000).ok);
    EXPECT_EQ(memory.reads().size(), 2u);
    EXPECT_EQ(memory.reads()[0].bytes, 4u);
}

TEST_F(Bits32, a_4_mib_page_needs_pse) {
    regs.cr4 = cr4_pse;
    const u64 leaf = tables.map(0x40'0000, 0xabc0'0000, pte::supervisor_rw, 2);
    EXPECT_EQ(read(0x6f'1234), at(0xabef'1234));
    EXPECT_EQ(write(0x6f'1234), at(0xabef'1234));
    EXPECT_NE(tables.peek(leaf) & pte::dirty, 0u);
    regs.cr4 = 0;
    tables.poke(leaf, (0x8000 | pte::supervisor_rw) | pte::large);
    memory.poke(0x8000 + 4 * 0x2f1, 0x7000 | pte::supervisor_rw, 4);
    EXPECT_EQ(read(0x6f'1234), at(0x7234)) << "without PSE the flag means nothing";
}

// SDM 3A table 4-4: bits 20:13 are bits 39:32 of the address, bit 21 is reserved (M is 40).
TEST_F(Bits32, a_4_mib_page_may_lie_beyond_4_gib) {
    regs.cr4 = cr4_pse;
    const u64 leaf = tables.map(0x40'0000, 0xabc0'0000, pte::supervisor_rw, 2), before = tables.peek(leaf);
    for (unsigned bit = 13; bit <= 20; ++bit) {
        tables.poke(leaf, before | u64{1} << bit);
        EXPECT_EQ(read(0x40'0000), at(0xabc0'0000 | u64{1} << (bit + 19))) << bit;
    }
    tables.poke(leaf, before | u64{1} << 21);
    EXPECT_EQ(read(0x40'0000), faults(reserved_read, 0x40'0000));
    regs.physical_address_width = 36;
    for (unsigned bit = 13; bit <= 21; ++bit) {
        tables.poke(leaf, before | u64{1} << bit);
        EXPECT_EQ(read(0x40'0000).ok, bit < 17) << "with 36 bits, 21:17 are reserved: bit " << bit;
    }
}

TEST_F(Bits32, faults_as_the_other_modes_do) {
    EXPECT_EQ(read(0x1000), faults(missing_read, 0x1000));
    EXPECT_EQ(write(0x1000), faults(missing_write, 0x1000));
    tables.map(0x1000, 0x5000, pte::present);
    EXPECT_EQ(write(0x1000), faults(denied_write, 0x1000));
    EXPECT_EQ(read(0x1000), at(0x5000));
    tables.map(0x2000, 0x5000, pte::user_rw);
    regs.cr4 = cr4_smap;
    EXPECT_EQ(read(0x2000), faults(denied_read, 0x2000));
}

TEST_F(Bits32, sets_accessed_and_dirty_flags) {
    tables.map(0x1000, 0x5000, pte::supervisor_rw);
    ASSERT_TRUE(write(0x1000).ok);
    EXPECT_NE(tables.peek(tables.entry(0x1000, 2)) & pte::accessed, 0u);
    EXPECT_NE(tables.peek(tables.entry(0x1000, 1)) & pte::accessed, 0u);
    EXPECT_NE(tables.peek(tables.entry(0x1000, 1)) & pte::dirty, 0u);
}

struct Pae : LegacyPaging {
    Pae() {
        regs.cr3 = tables.root();
        regs.cr4 = cr4_pae;
    }
    /// As just after L1 loaded CR3.
    Translation read(u64 address) {
        memory.load_pdptes(regs.cr3);
        return LegacyPaging::read(address);
    }
    Translation write(u64 address) {
        memory.load_pdptes(regs.cr3);
        return LegacyPaging::write(address);
    }
    PageTables tables{memory, PagingMode::pae, 0x1000};
};

TEST_F(Pae, a_small_page_translates_through_three_levels) {
    for (unsigned bit = 12; bit < 32; ++bit) {
        tables.map(u64{1} << bit, 0x12'abcd'e000, pte::supervisor_rw);
        EXPECT_EQ(read(u64{1} << bit | 0x123), at(0x12'abcd'e123)) << bit;
    }
}

TEST_F(Pae, a_2_mib_page_needs_no_pse) {
    const u64 leaf = tables.map(0x8060'0000, 0x12'abc0'0000, pte::supervisor_rw, 2);
    EXPECT_EQ(write(0x8071'2345), at(0x12'abd1'2345));
    EXPECT_NE(tables.peek(leaf) & pte::dirty, 0u);
}

// PDPTEs have no rights, and no accessed flag (SDM 3A 4.4.1).
TEST_F(Pae, a_pdpte_has_neither_rights_nor_flags) {
    tables.map(0x1000, 0x5000, pte::supervisor_rw);
    const u64 pdpte = tables.entry(0x1000, 3), before = tables.peek(pdpte);
    EXPECT_EQ(before & (pte::writable | pte::user), 0u);
    EXPECT_EQ(write(0x1000), at(0x5000));
    EXPECT_EQ(tables.peek(pdpte), before);
}

// SDM 3A 4.4.1: the processor keeps them in registers.
TEST_F(Pae, a_pdpte_is_what_it_was_when_cr3_was_loaded) {
    tables.map(0xc000'1000, 0x5000, pte::supervisor_rw);
    EXPECT_EQ(read(0xc000'1000), at(0x5000));
    tables.poke(tables.entry(0xc000'1000, 3), 0);
    EXPECT_EQ(LegacyPaging::read(0xc000'1000), at(0x5000));
    EXPECT_EQ(read(0xc000'1000), faults(missing_read, 0xc000'1000)) << "CR3 loaded again";
}

TEST_F(Pae, faults_as_the_other_modes_do) {
    EXPECT_EQ(read(0x1000), faults(missing_read, 0x1000));
    tables.map(0x1000, 0x5000, pte::present);
    EXPECT_EQ(write(0x1000), faults(denied_write, 0x1000));
    EXPECT_EQ(write(0x2000), faults(missing_write, 0x2000));
}

// SDM 3A tables 4-9 to 4-11: bits 62:M are reserved, and 63 is unless EFER.NXE is set.
TEST_F(Pae, all_high_bits_but_execute_disable_are_reserved) {
    tables.map(0x1000, 0x5000, pte::supervisor_rw);
    for (unsigned level = 1; level <= 2; ++level) {
        const u64 entry = tables.entry(0x1000, level), before = tables.peek(entry);
        for (unsigned bit = 40; bit < 64; ++bit) {
            tables.poke(entry, before | u64{1} << bit);
            EXPECT_EQ(read(0x1000), faults(reserved_read, 0x1000)) << level << " bit " << bit;
        }
        regs.efer = 0x800;
        EXPECT_EQ(read(0x1000), at(0x5000)) << "NXE";
        regs.efer = 0;
        tables.poke(entry, before);
    }
}

TEST_F(Pae, address_bits_below_a_large_page_are_reserved) {
    const u64 leaf = tables.map(0x20'0000, 0x40'0000, pte::supervisor_rw, 2), before = tables.peek(leaf);
    for (unsigned bit = 13; bit < 21; ++bit) {
        tables.poke(leaf, before | u64{1} << bit);
        EXPECT_EQ(read(0x20'0000), faults(reserved_read, 0x20'0000)) << bit;
    }
}

}  // namespace
}  // namespace kurma::x86
