// Guest page-directory-pointer-table entries (SDM 3C 27.3.1.6; 3A 4.4.1, table 4-8).
#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

/// What a present entry must leave 0 on a processor with 40 physical-address bits.
bool reserved(unsigned bit) { return bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= 40; }

TEST(CheckGuestPdptes, present_fields_have_no_reserved_bit) {
    const auto sweep = [](auto pdpte) {
        for (unsigned bit = 1; bit < 64; ++bit) {
            const u64 entry = 1 | u64{1} << bit;
            EXPECT_EQ(in_32_bit_mode(with(pdpte, entry)),
                      reserved(bit) ? violates(CheckId::guest_pdpte_field, pdpte, entry) : valid)
                << bit;
        }
        EXPECT_EQ(in_32_bit_mode(with(pdpte, ~u64{1})), valid) << "an absent entry says nothing";
    };
    sweep(guest_pdpte0);
    sweep(guest_pdpte1);
    sweep(guest_pdpte2);
    sweep(guest_pdpte3);
}

TEST(CheckGuestPdptes, without_ept_the_entries_in_memory_count) {
    Vmcs12 v = restricted(valid_32_bit_guest(offered));
    v.set(secondary_controls, v.get(secondary_controls).without(Secondary::enable_ept));
    v.set(guest_pdpte0, ~u64{0});
    EXPECT_EQ(check(v), valid) << "nobody reads the fields";
    for (usize i = 0; i < 4; ++i)
        for (unsigned bit = 1; bit < 64; ++bit) {
            GuestSurroundings around{};
            around.pdptes_at_cr3[i] = 1 | u64{1} << bit;
            const GuestCheckResult result = check(v, around);
            EXPECT_EQ(result, reserved(bit) ? violates(CheckId::guest_pdpte_in_memory, guest_cr3,
                                                       around.pdptes_at_cr3[i])
                                            : valid);
        }
}

TEST(CheckGuestPdptes, matter_to_pae_paging_alone) {
    const Change bad = with(guest_pdpte2, ~u64{0});
    EXPECT_EQ(in_64_bit_mode(bad), valid);
    EXPECT_EQ(in_real_mode(bad), valid);
    EXPECT_EQ(in_32_bit_mode(all({bad, with(guest_cr4, 0x2000)})), valid) << "32-bit paging";
    EXPECT_EQ(in_32_bit_mode(all({bad, with(guest_cr0, 0x31)})), valid) << "no paging";
    EXPECT_EQ(in_virtual_8086_mode(bad), violates(CheckId::guest_pdpte_field, guest_pdpte2, ~u64{0}));
}

TEST(CheckGuestPdptes, a_failure_has_exit_qualification_2) {
    EXPECT_EQ(in_32_bit_mode(with(guest_pdpte0, ~u64{0})).qualification(), 2u);
    Vmcs12 v = restricted(valid_32_bit_guest(offered));
    v.set(secondary_controls, v.get(secondary_controls).without(Secondary::enable_ept));
    EXPECT_EQ(check(v, {.pdptes_at_cr3 = {~u64{0}}}).qualification(), 2u);
}

TEST(CheckGuestPdptes, come_after_everything_else) {
    EXPECT_EQ(
        in_32_bit_mode(all({with(guest_pdpte0, ~u64{0}), with(guest_pending_debug_exceptions, 1u << 4)})),
        violates(CheckId::guest_pending_debug_reserved, guest_pending_debug_exceptions, 1u << 4));
}

}  // namespace
}  // namespace kurma::vmx
