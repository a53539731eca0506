// Guest descriptor-table registers (SDM 3C 27.3.1.3).
#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

TEST(CheckGuestTables, bases_are_canonical) {
    const auto sweep = [](auto base) {
        for (const u64 address : not_canonical) {
            EXPECT_EQ(in_64_bit_mode(with(base, address)),
                      violates(CheckId::guest_table_base_canonical, base, address));
            EXPECT_EQ(in_real_mode(with(base, address)),
                      violates(CheckId::guest_table_base_canonical, base, address));
        }
        for (const u64 address : canonical) EXPECT_EQ(in_64_bit_mode(with(base, address)), valid);
    };
    sweep(guest_gdtr_base);
    sweep(guest_idtr_base);
}

TEST(CheckGuestTables, limits_have_16_bits) {
    const auto sweep = [](auto limit) {
        EXPECT_EQ(in_64_bit_mode(with(limit, 0xffff)), valid);
        EXPECT_EQ(in_64_bit_mode(with(limit, 0)), valid);
        for (unsigned bit = 16; bit < 32; ++bit)
            EXPECT_EQ(in_64_bit_mode(with(limit, 1u << bit)),
                      violates(CheckId::guest_table_limit_high, limit, 1u << bit));
    };
    sweep(guest_gdtr_limit);
    sweep(guest_idtr_limit);
}

TEST(CheckGuestTables, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(
        in_64_bit_mode(all({with(guest_gdtr_limit, 0x1'0000), with(guest_idtr_base, not_canonical[0])})),
        violates(CheckId::guest_table_base_canonical, guest_idtr_base, not_canonical[0]));
}

}  // namespace
}  // namespace kurma::vmx
