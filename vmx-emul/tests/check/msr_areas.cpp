// Entries of MSR areas (SDM 3C 27.4, 28.4, 28.6), each rule broken alone.
#include <gtest/gtest.h>

#include <vmx/msr_area.hpp>

#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

const CheckResult passes{};
CheckResult refused(CheckId id, u64 value) { return {id, value}; }

constexpr u32 star = 0xc000'0081, efer = 0xc000'0080, pat = 0x277, debugctl = 0x1d9, sysenter_esp = 0x175,
              sysenter_eip = 0x176;
constexpr MsrLoadState long_mode{.efer = 0xd01, .paging = true};

CheckResult load(u32 index, u64 data = 0, const MsrLoadState& now = long_mode) {
    return check_msr_load({.index = index, .data = data}, now);
}

TEST(CheckMsrLoad, an_ordinary_msr_is_loaded) {
    EXPECT_EQ(load(star, ~u64{0}), passes);
    EXPECT_EQ(load(0x174, 0x10), passes);
}

TEST(CheckMsrLoad, segment_bases_have_fields) {
    EXPECT_EQ(load(0xc000'0100), refused(CheckId::msr_load_segment_base, 0xc000'0100));
    EXPECT_EQ(load(0xc000'0101), refused(CheckId::msr_load_segment_base, 0xc000'0101));
    EXPECT_EQ(load(0xc000'0102), passes) << "the other GS base has none";
}

TEST(CheckMsrLoad, x2apic_registers_are_left_alone) {
    for (u32 index = 0x7f0; index < 0x910; ++index)
        EXPECT_EQ(load(index),
                  index >= 0x800 && index <= 0x8ff ? refused(CheckId::msr_load_x2apic, index) : passes);
}

TEST(CheckMsrLoad, what_smm_writes_and_what_loads_microcode_is_left_alone) {
    EXPECT_EQ(load(0x9b), refused(CheckId::msr_load_smm, 0x9b));
    EXPECT_EQ(load(0x79), refused(CheckId::msr_load_model_specific, 0x79));
}

TEST(CheckMsrLoad, bits_63_to_32_of_an_entry_are_reserved) {
    for (unsigned bit = 0; bit < 32; ++bit)
        EXPECT_EQ(check_msr_load({.index = star, .reserved = 1u << bit}, long_mode),
                  refused(CheckId::msr_load_reserved, 1u << bit));
}

TEST(CheckMsrLoad, vmx_capabilities_are_read_only) {
    for (u32 index = 0x480; index <= 0x491; ++index)
        EXPECT_EQ(load(index, 7), refused(CheckId::msr_load_faults, 7));
}

TEST(CheckMsrLoad, values_are_those_that_wrmsr_takes) {
    EXPECT_EQ(load(pat, 0x0007'0406'0007'0406), passes);
    EXPECT_EQ(load(pat, 2), refused(CheckId::msr_load_faults, 2));
    EXPECT_EQ(load(debugctl, 3), passes);
    EXPECT_EQ(load(debugctl, 1u << 3), refused(CheckId::msr_load_faults, 1u << 3));
    for (const u32 index : {sysenter_esp, sysenter_eip}) {
        EXPECT_EQ(load(index, 0xffff'8000'0000'0000), passes);
        EXPECT_EQ(load(index, 0x8000'0000'0000), refused(CheckId::msr_load_faults, 0x8000'0000'0000));
    }
}

// SDM 3C 27.4: with paging, WRMSR faults if it would change LME; LMA it leaves as it is.
TEST(CheckMsrLoad, efer_keeps_its_mode_while_there_is_paging) {
    EXPECT_EQ(load(efer, 0xd01), passes);
    EXPECT_EQ(load(efer, 0x101), passes) << "LMA is not written";
    EXPECT_EQ(load(efer, 0x801), refused(CheckId::msr_load_faults, 0x801));
    EXPECT_EQ(load(efer, 0x801, {.efer = 0xd01, .paging = false}), passes);
    EXPECT_EQ(load(efer, 0xd03), refused(CheckId::msr_load_faults, 0xd03)) << "a reserved bit";
}

TEST(CheckMsrLoad, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(check_msr_load({.index = 0xc000'0100, .reserved = 1}, long_mode),
              refused(CheckId::msr_load_segment_base, 0xc000'0100));
    EXPECT_EQ(check_msr_load({.index = pat, .reserved = 1, .data = 2}, long_mode),
              refused(CheckId::msr_load_reserved, 1));
}

TEST(CheckMsrStore, what_can_be_read_is_stored) {
    EXPECT_EQ(check_msr_store({.index = star}), passes);
    EXPECT_EQ(check_msr_store({.index = 0xc000'0100}), passes) << "FS.base can be stored";
    EXPECT_EQ(check_msr_store({.index = 0x480}), passes);
}

TEST(CheckMsrStore, x2apic_smm_and_write_only_msrs_are_not) {
    for (u32 index = 0x7f0; index < 0x910; ++index)
        EXPECT_EQ(check_msr_store({.index = index}),
                  index >= 0x800 && index <= 0x8ff ? refused(CheckId::msr_store_x2apic, index) : passes);
    EXPECT_EQ(check_msr_store({.index = 0x9e}), refused(CheckId::msr_store_smm, 0x9e));
    for (const u32 index : {0x79u, 0x49u, 0x10bu})
        EXPECT_EQ(check_msr_store({.index = index}), refused(CheckId::msr_store_faults, index));
}

TEST(CheckMsrStore, bits_63_to_32_of_an_entry_are_reserved) {
    for (unsigned bit = 0; bit < 32; ++bit)
        EXPECT_EQ(check_msr_store({.index = star, .reserved = 1u << bit}),
                  refused(CheckId::msr_store_reserved, 1u << bit));
}

}  // namespace
}  // namespace kurma::vmx
