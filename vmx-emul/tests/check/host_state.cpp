// Checks of the host-state area (SDM 3C 27.2.2 to 27.2.4), each violated alone.
#include <gtest/gtest.h>

#include <functional>

#include "../../testing/outcomes.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {

namespace {

using namespace field;

const Capabilities offered = offer(testing::haswell(), Policy{});
const CheckResult passes{};

CheckResult violates(CheckId id, u64 value) { return {id, value}; }

CheckResult after(const std::function<void(Vmcs12&)>& change) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    change(v);
    return check_host_state(v, offered, L1Mode::ia32e);
}
CheckResult after_32(const std::function<void(Vmcs12&)>& change) {
    Vmcs12 v = testing::valid_32_bit_vmcs12(offered);
    change(v);
    return check_host_state(v, offered, L1Mode::legacy);
}

/// The two ends of the hole between canonical addresses (SDM 1 3.3.7.1), and one in the middle.
constexpr u64 not_canonical[]{0x0000'8000'0000'0000, 0xffff'7fff'ffff'ffff, 0x1234'5678'9abc'def0};
constexpr u64 canonical[]{0, 0x0000'7fff'ffff'ffff, 0xffff'8000'0000'0000, ~u64{0}};

TEST(CheckHostState, the_builders_vmcs12_passes) {
    EXPECT_EQ(after([](Vmcs12&) {}), passes);
    EXPECT_EQ(after_32([](Vmcs12&) {}), passes);
}

TEST(CheckHostState, cr0_keeps_the_bits_that_vmx_operation_fixes) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 value = testing::sample::host_cr0 ^ u64 { 1 } << bit;
        const bool fixed = bit == 0 || bit == 5 || bit == 31 || bit >= 32;
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_cr0, value); }),
                  fixed ? violates(CheckId::host_cr0_fixed, value) : passes)
            << "bit " << bit;
    }
}

TEST(CheckHostState, cr4_keeps_the_bits_that_vmx_operation_fixes) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 value = testing::sample::host_cr4 ^ u64 { 1 } << bit;
        const bool vmxe = bit == 13, pae = bit == 5;
        const bool unknown = ((offered.cr4_fixed1 >> bit) & 1) == 0;
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_cr4, value); }),
                  vmxe || unknown ? violates(CheckId::host_cr4_fixed, value)
                  : pae           ? violates(CheckId::host_64_bit_pae, value)
                                  : passes)
            << "bit " << bit;
    }
}

TEST(CheckHostState, cr3_lies_within_the_physical_address_width) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(host_cr3, (u64{1} << 40) - 1); }), passes);
    for (unsigned bit = 40; bit < 64; ++bit)
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_cr3, u64{1} << bit); }),
                  violates(CheckId::host_cr3_width, u64{1} << bit))
            << "bit " << bit;
}

TEST(CheckHostState, sysenter_addresses_are_canonical) {
    for (const u64 address : not_canonical) {
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_sysenter_esp, address); }),
                  violates(CheckId::host_sysenter_canonical, address));
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_sysenter_eip, address); }),
                  violates(CheckId::host_sysenter_canonical, address));
    }
    for (const u64 address : canonical)
        EXPECT_EQ(after([&](Vmcs12& v) {
                      v.set(host_sysenter_esp, address);
                      v.set(host_sysenter_eip, address);
                  }),
                  passes);
}

// SDM 3C 27.2.2: each byte is one of 0, 1, 4, 5, 6, 7.
TEST(CheckHostState, pat_bytes_are_memory_types) {
    for (unsigned byte = 0; byte < 8; ++byte) {
        for (u64 type = 0; type < 256; ++type) {
            const u64 pat = (testing::sample::pat & ~(u64{0xff} << 8 * byte)) | type << 8 * byte;
            const bool known = type < 8 && type != 2 && type != 3;
            ASSERT_EQ(after([&](Vmcs12& v) { v.set(host_pat, pat); }),
                      known ? passes : violates(CheckId::host_pat, pat))
                << "byte " << byte << " type " << type;
        }
    }
}

TEST(CheckHostState, pat_does_not_matter_unless_the_exit_loads_it) {
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(host_pat, ~u64{0});
                  v.set(exit_controls, v.get(exit_controls).without(Exit::load_pat));
              }),
              passes);
}

TEST(CheckHostState, efer_has_no_reserved_bit) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 value = testing::sample::efer ^ u64 { 1 } << bit;
        const bool sce_or_nxe = bit == 0 || bit == 11, lme_or_lma = bit == 8 || bit == 10;
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_efer, value); }),
                  sce_or_nxe   ? passes
                  : lme_or_lma ? violates(CheckId::host_efer_lma, value)
                               : violates(CheckId::host_efer_reserved, value))
            << "bit " << bit;
    }
}

TEST(CheckHostState, efer_lma_and_lme_are_those_of_the_address_space_size) {
    for (const u64 efer : {u64{0x100}, u64{0x400}, u64{0x500}})
        EXPECT_EQ(after_32([&](Vmcs12& v) { v.set(host_efer, efer); }),
                  violates(CheckId::host_efer_lma, efer));
    EXPECT_EQ(after([](Vmcs12& v) { v.set(host_efer, 0); }), violates(CheckId::host_efer_lma, 0));
}

TEST(CheckHostState, efer_does_not_matter_unless_the_exit_loads_it) {
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(host_efer, ~u64{0});
                  v.set(exit_controls, v.get(exit_controls).without(Exit::load_efer));
              }),
              passes);
}

TEST(CheckHostState, selectors_have_neither_rpl_nor_ti) {
    const auto sweep = [](auto selector) {
        for (u16 flags = 1; flags < 8; ++flags) {
            const u16 value = static_cast<u16>(0x48 | flags);
            EXPECT_EQ(after([&](Vmcs12& v) { v.set(selector, value); }),
                      violates(CheckId::host_selector_flags, value))
                << flags;
        }
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(selector, 0xfff8); }), passes);
    };
    sweep(host_es_selector);
    sweep(host_cs_selector);
    sweep(host_ss_selector);
    sweep(host_ds_selector);
    sweep(host_fs_selector);
    sweep(host_gs_selector);
    sweep(host_tr_selector);
}

TEST(CheckHostState, cs_and_tr_are_not_null_and_the_others_may_be) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(host_cs_selector, 0); }), violates(CheckId::host_cs_null, 0));
    EXPECT_EQ(after([](Vmcs12& v) { v.set(host_tr_selector, 0); }), violates(CheckId::host_tr_null, 0));
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(host_es_selector, 0);
                  v.set(host_ds_selector, 0);
                  v.set(host_fs_selector, 0);
                  v.set(host_gs_selector, 0);
              }),
              passes);
}

TEST(CheckHostState, ss_may_be_null_for_a_64_bit_host_alone) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(host_ss_selector, 0); }), passes);
    EXPECT_EQ(after_32([](Vmcs12& v) { v.set(host_ss_selector, 0); }), violates(CheckId::host_ss_null, 0));
}

TEST(CheckHostState, bases_are_canonical) {
    const auto sweep = [](auto base) {
        for (const u64 address : not_canonical)
            EXPECT_EQ(after([&](Vmcs12& v) { v.set(base, address); }),
                      violates(CheckId::host_base_canonical, address));
        for (const u64 address : canonical)
            EXPECT_EQ(after([&](Vmcs12& v) { v.set(base, address); }), passes);
    };
    sweep(host_fs_base);
    sweep(host_gs_base);
    sweep(host_gdtr_base);
    sweep(host_idtr_base);
    sweep(host_tr_base);
}

// SDM 3C 27.2.4: the control is EFER.LMA as it is at VM entry.
TEST(CheckHostState, the_address_space_size_is_that_of_the_moment) {
    const Vmcs12 wide = testing::valid_vmcs12(offered), narrow = testing::valid_32_bit_vmcs12(offered);
    EXPECT_EQ(check_host_state(wide, offered, L1Mode::legacy),
              violates(CheckId::host_size_matches_mode, wide.get(exit_controls).raw));
    EXPECT_EQ(check_host_state(narrow, offered, L1Mode::ia32e),
              violates(CheckId::host_size_matches_mode, narrow.get(exit_controls).raw));
}

TEST(CheckHostState, a_32_bit_host_has_no_ia_32e_guest) {
    Vmcs12 v = testing::valid_32_bit_vmcs12(offered);
    v.set(entry_controls, v.get(entry_controls).with(Entry::ia32e_mode_guest));
    EXPECT_EQ(check_host_state(v, offered, L1Mode::legacy),
              violates(CheckId::ia32e_guest_for_32_bit_host, v.get(entry_controls).raw));
}

TEST(CheckHostState, a_32_bit_host_has_no_pcids_and_a_short_rip) {
    constexpr u64 pcide = 1u << 17;
    EXPECT_EQ(after_32([](Vmcs12& v) { v.set(host_cr4, testing::sample::host_cr4 | pcide); }),
              violates(CheckId::host_32_bit_pcide, testing::sample::host_cr4 | pcide));
    for (unsigned bit = 32; bit < 64; ++bit)
        EXPECT_EQ(after_32([&](Vmcs12& v) { v.set(host_rip, u64{1} << bit); }),
                  violates(CheckId::host_32_bit_rip, u64{1} << bit));
    EXPECT_EQ(after_32([](Vmcs12& v) { v.set(host_rip, 0xffff'ffff); }), passes);
    EXPECT_EQ(after_32([](Vmcs12& v) { v.set(host_cr4, 0x2000); }), passes) << "and needs no PAE";
}

TEST(CheckHostState, a_64_bit_host_may_have_pcids_and_has_a_canonical_rip) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(host_cr4, testing::sample::host_cr4 | 1u << 17); }), passes);
    for (const u64 address : not_canonical)
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(host_rip, address); }),
                  violates(CheckId::host_64_bit_rip, address));
}

TEST(CheckHostState, cet_needs_write_protection) {
    Capabilities with_cet = offered;
    constexpr u64 cet = 1u << 23, wp = 1u << 16;
    with_cet.cr4_fixed1 |= cet;
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.set(host_cr4, testing::sample::host_cr4 | cet);
    EXPECT_EQ(check_host_state(v, with_cet, L1Mode::ia32e), passes);
    v.set(host_cr0, testing::sample::host_cr0 & ~wp);
    EXPECT_EQ(check_host_state(v, with_cet, L1Mode::ia32e),
              violates(CheckId::host_cet_without_wp, testing::sample::host_cr4 | cet));
}

}  // namespace
}  // namespace kurma::vmx
