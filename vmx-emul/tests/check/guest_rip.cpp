// Guest RIP and RFLAGS (SDM 3C 27.3.1.4).
#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

TEST(CheckGuestRip, has_32_bits_but_for_64_bit_code) {
    for (unsigned bit = 32; bit < 64; ++bit) {
        const u64 rip = u64{1} << bit;
        EXPECT_EQ(in_32_bit_mode(with(guest_rip, rip)), violates(CheckId::guest_rip_high, guest_rip, rip));
        EXPECT_EQ(
            in_64_bit_mode(all({with(guest_cs_access_rights, {sample::code_32}), with(guest_rip, rip)})),
            violates(CheckId::guest_rip_high, guest_rip, rip))
            << "compatibility mode";
    }
    EXPECT_EQ(in_32_bit_mode(with(guest_rip, 0xffff'ffff)), valid);
}

// Bit 47 is free: the address after the last canonical one faults only when it is fetched from.
TEST(CheckGuestRip, of_64_bit_code_has_bits_63_to_48_equal) {
    for (const u64 rip : {u64{0}, u64{0x0000'7fff'ffff'ffff}, u64{0x0000'8000'0000'0000},
                          u64{0xffff'0000'0000'0000}, u64{0xffff'7fff'ffff'ffff}, ~u64{0}})
        EXPECT_EQ(in_64_bit_mode(with(guest_rip, rip)), valid) << std::hex << rip;
    for (unsigned bit = 48; bit < 64; ++bit)
        EXPECT_EQ(in_64_bit_mode(with(guest_rip, u64{1} << bit)),
                  violates(CheckId::guest_rip_width, guest_rip, u64{1} << bit));
}

TEST(CheckGuestRflags, reserved_bits_are_as_always) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 rflags = 0x202 ^ u64 { 1 } << bit;
        const bool reserved = bit == 1 || bit == 3 || bit == 5 || bit == 15 || bit >= 22;
        const bool virtual_8086 = bit == 17;
        const GuestCheckResult result = in_64_bit_mode(with(guest_rflags, rflags));
        if (virtual_8086) {
            EXPECT_FALSE(result.passed());
        } else {
            EXPECT_EQ(result,
                      reserved ? violates(CheckId::guest_rflags_reserved, guest_rflags, rflags) : valid)
                << bit;
        }
    }
}

TEST(CheckGuestRflags, virtual_8086_mode_is_neither_in_ia_32e_mode_nor_in_real_mode) {
    EXPECT_EQ(in_virtual_8086_mode(
                  all({on(entry_controls, Entry::ia32e_mode_guest), with(guest_efer, sample::efer)})),
              violates(CheckId::guest_rflags_vm, guest_rflags, 0x2'0202));
    Vmcs12 v = valid_virtual_8086_guest(offered);
    v.set(guest_cr0, 0x30);
    EXPECT_EQ(check(v), violates(CheckId::guest_rflags_vm, guest_rflags, 0x2'0202));
}

TEST(CheckGuestRflags, an_external_interrupt_comes_to_a_guest_that_lets_it) {
    EXPECT_EQ(in_64_bit_mode(inject(EventType::external_interrupt, 32)), valid);
    const Change closed = with(guest_rflags, 0x2);
    EXPECT_EQ(in_64_bit_mode(all({closed, inject(EventType::external_interrupt, 32)})),
              violates(CheckId::guest_rflags_if, guest_rflags, 0x2));
    EXPECT_EQ(in_64_bit_mode(all({closed, inject(EventType::software_interrupt, 32)})), valid);
    EXPECT_EQ(in_64_bit_mode(all({closed, inject(EventType::nmi, 2)})), valid);
    EXPECT_EQ(in_64_bit_mode(all({closed, with(entry_interruption_info, InterruptionInfo{32})})), valid)
        << "not valid, so no event";
}

TEST(CheckGuestRip, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(in_32_bit_mode(all({with(guest_rip, ~u64{0}), with(guest_rflags, 0)})),
              violates(CheckId::guest_rip_high, guest_rip, ~u64{0}));
    EXPECT_EQ(in_64_bit_mode(all({with(guest_rflags, 0), inject(EventType::external_interrupt, 32)})),
              violates(CheckId::guest_rflags_reserved, guest_rflags, 0));
}

}  // namespace
}  // namespace kurma::vmx
