// Guest control registers, debug registers and MSRs (SDM 3C 27.3.1.1), each rule violated alone.
#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

TEST(CheckGuestState, the_builders_guests_pass) {
    EXPECT_EQ(check(valid_64_bit_guest(offered)), valid);
    EXPECT_EQ(check(valid_32_bit_guest(offered)), valid);
    EXPECT_EQ(check(valid_real_mode_guest(offered)), valid);
    EXPECT_EQ(check(valid_virtual_8086_guest(offered)), valid);
    EXPECT_EQ(check(restricted(valid_64_bit_guest(offered))), valid);
    EXPECT_EQ(check(restricted(valid_32_bit_guest(offered))), valid);
    EXPECT_EQ(check(restricted(valid_virtual_8086_guest(offered))), valid);
}

TEST(CheckGuestRegisters, cr0_of_a_restricted_guest_keeps_the_fixed_bits_but_for_nw_and_cd) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        Vmcs12 v = restricted(valid_64_bit_guest(offered));
        const u64 cr0 = sample::guest_cr0 ^ u64 { 1 } << bit;
        v.set(guest_cr0, cr0);
        const bool fixed = bit == 0 || bit == 5 || bit == 31 || bit >= 32;
        EXPECT_EQ(check(v), fixed ? violates(CheckId::guest_cr0_fixed, guest_cr0, cr0) : valid) << bit;
    }
    Capabilities without_cd_and_nw = offered;
    without_cd_and_nw.cr0_fixed1 &= ~u64{0x6000'0000};
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(guest_cr0, sample::guest_cr0 | 0x6000'0000);
    EXPECT_EQ(check_guest_state(v, without_cd_and_nw, {}), valid);
}

TEST(CheckGuestRegisters, cr0_of_an_unrestricted_guest_may_be_without_paging_and_protection) {
    EXPECT_EQ(in_32_bit_mode(with(guest_cr0, 0x31)), valid) << "protected mode without paging";
    EXPECT_EQ(in_real_mode(with(guest_cr0, 0x30)), valid);
    EXPECT_EQ(in_real_mode(with(guest_cr0, 0x10)), violates(CheckId::guest_cr0_fixed, guest_cr0, 0x10))
        << "NE stays fixed";
    EXPECT_EQ(in_real_mode(with(guest_cr0, 0x8000'0030)),
              violates(CheckId::guest_cr0_pg_without_pe, guest_cr0, 0x8000'0030));
}

TEST(CheckGuestRegisters, cr4_keeps_the_bits_that_vmx_operation_fixes) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 cr4 = sample::guest_cr4 ^ u64 { 1 } << bit;
        const bool unknown = ((offered.cr4_fixed1 >> bit) & 1) == 0, vmxe = bit == 13, pae = bit == 5;
        EXPECT_EQ(in_64_bit_mode(with(guest_cr4, cr4)),
                  vmxe || unknown ? violates(CheckId::guest_cr4_fixed, guest_cr4, cr4)
                  : pae           ? violates(CheckId::guest_ia32e_pae, guest_cr4, cr4)
                                  : valid)
            << bit;
    }
}

TEST(CheckGuestRegisters, cet_needs_write_protection) {
    Capabilities with_cet = offered;
    constexpr u64 cet = 1u << 23, wp = 1u << 16;
    with_cet.cr4_fixed1 |= cet;
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(guest_cr4, sample::guest_cr4 | cet);
    EXPECT_EQ(check_guest_state(v, with_cet, {}), valid);
    v.set(guest_cr0, sample::guest_cr0 & ~wp);
    EXPECT_EQ(check_guest_state(v, with_cet, {}),
              violates(CheckId::guest_cet_without_wp, guest_cr4, sample::guest_cr4 | cet));
}

// Bits 5:3 and 63:16 are defined for no processor (SDM 3B 18.4.1, 4 2.1).
TEST(CheckGuestRegisters, debugctl_has_no_reserved_bit_where_it_is_loaded) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 value = u64{1} << bit;
        const bool reserved = (bit >= 3 && bit <= 5) || bit >= 16;
        EXPECT_EQ(in_64_bit_mode(with(guest_debugctl, value)),
                  reserved ? violates(CheckId::guest_debugctl_reserved, guest_debugctl, value) : valid)
            << bit;
    }
    EXPECT_EQ(
        in_64_bit_mode(all({with(guest_debugctl, ~u64{0}), off(entry_controls, Entry::load_debug_controls)})),
        valid);
}

TEST(CheckGuestRegisters, debugctl_has_the_bits_of_the_processor) {
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(guest_debugctl, 0x3);
    EXPECT_EQ(check(v, {.debugctl = 0x3}), valid);
    EXPECT_EQ(check(v, {.debugctl = 0x1}), violates(CheckId::guest_debugctl_reserved, guest_debugctl, 0x3));
}

TEST(CheckGuestRegisters, ia_32e_mode_pages_with_pae) {
    EXPECT_EQ(in_64_bit_mode(with(guest_cr0, 0x5'0033)),
              violates(CheckId::guest_ia32e_pg, guest_cr0, 0x5'0033));
    EXPECT_EQ(in_64_bit_mode(with(guest_cr4, 0x2000)), violates(CheckId::guest_ia32e_pae, guest_cr4, 0x2000));
    EXPECT_EQ(in_32_bit_mode(with(guest_cr4, 0x2000)), valid);
}

TEST(CheckGuestRegisters, process_context_identifiers_are_for_ia_32e_mode) {
    constexpr u64 pcide = 1u << 17;
    EXPECT_EQ(in_64_bit_mode(with(guest_cr4, sample::guest_cr4 | pcide)), valid);
    EXPECT_EQ(in_32_bit_mode(with(guest_cr4, sample::guest_cr4 | pcide)),
              violates(CheckId::guest_pcide_outside_ia32e, guest_cr4, sample::guest_cr4 | pcide));
}

TEST(CheckGuestRegisters, cr3_lies_within_the_physical_address_width) {
    EXPECT_EQ(in_64_bit_mode(with(guest_cr3, (u64{1} << 40) - 1)), valid);
    for (unsigned bit = 40; bit < 64; ++bit)
        EXPECT_EQ(in_64_bit_mode(with(guest_cr3, u64{1} << bit)),
                  violates(CheckId::guest_cr3_width, guest_cr3, u64{1} << bit))
            << bit;
}

TEST(CheckGuestRegisters, dr7_has_32_bits_where_it_is_loaded) {
    EXPECT_EQ(in_64_bit_mode(with(guest_dr7, 0xffff'ffff)), valid);
    for (unsigned bit = 32; bit < 64; ++bit) {
        const u64 value = 0x400 | u64{1} << bit;
        EXPECT_EQ(in_64_bit_mode(with(guest_dr7, value)),
                  violates(CheckId::guest_dr7_high, guest_dr7, value));
        EXPECT_EQ(
            in_64_bit_mode(all({with(guest_dr7, value), off(entry_controls, Entry::load_debug_controls)})),
            valid);
    }
}

TEST(CheckGuestRegisters, sysenter_addresses_are_canonical) {
    const auto sweep = [](auto address) {
        for (const u64 value : not_canonical)
            EXPECT_EQ(in_64_bit_mode(with(address, value)),
                      violates(CheckId::guest_sysenter_canonical, address, value));
        for (const u64 value : canonical) EXPECT_EQ(in_32_bit_mode(with(address, value)), valid);
    };
    sweep(guest_sysenter_esp);
    sweep(guest_sysenter_eip);
}

TEST(CheckGuestRegisters, pat_bytes_are_memory_types_where_it_is_loaded) {
    for (unsigned byte = 0; byte < 8; ++byte)
        for (u64 type = 0; type < 256; ++type) {
            const u64 pat = (sample::pat & ~(u64{0xff} << 8 * byte)) | type << 8 * byte;
            const bool known = type < 8 && type != 2 && type != 3;
            ASSERT_EQ(in_64_bit_mode(with(guest_pat, pat)),
                      known ? valid : violates(CheckId::guest_pat, guest_pat, pat))
                << "byte " << byte << " type " << type;
        }
    EXPECT_EQ(in_64_bit_mode(all({with(guest_pat, ~u64{0}), off(entry_controls, Entry::load_pat)})), valid);
}

TEST(CheckGuestRegisters, efer_of_a_64_bit_guest_has_lma_and_lme_and_no_reserved_bit) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 efer = sample::efer ^ u64 { 1 } << bit;
        const bool free = bit == 0 || bit == 11;
        const CheckId id = bit == 10  ? CheckId::guest_efer_lma
                           : bit == 8 ? CheckId::guest_efer_lme
                                      : CheckId::guest_efer_reserved;
        EXPECT_EQ(in_64_bit_mode(with(guest_efer, efer)), free ? valid : violates(id, guest_efer, efer))
            << bit;
    }
    EXPECT_EQ(in_64_bit_mode(all({with(guest_efer, ~u64{0}), off(entry_controls, Entry::load_efer)})), valid);
}

TEST(CheckGuestRegisters, efer_outside_of_ia_32e_mode_may_have_lme_while_there_is_no_paging) {
    EXPECT_EQ(in_32_bit_mode(with(guest_efer, 0x400)), violates(CheckId::guest_efer_lma, guest_efer, 0x400));
    EXPECT_EQ(in_32_bit_mode(with(guest_efer, 0x100)), violates(CheckId::guest_efer_lme, guest_efer, 0x100));
    EXPECT_EQ(in_32_bit_mode(all({with(guest_efer, 0x100), with(guest_cr0, 0x31)})), valid);
}

TEST(CheckGuestRegisters, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(in_64_bit_mode(all({with(guest_dr7, ~u64{0}), with(guest_cr3, ~u64{0})})),
              violates(CheckId::guest_cr3_width, guest_cr3, ~u64{0}));
    EXPECT_EQ(in_64_bit_mode(all({with(guest_cr4, 0), with(guest_cr0, 0)})),
              violates(CheckId::guest_cr0_fixed, guest_cr0, 0));
}

}  // namespace
}  // namespace kurma::vmx
