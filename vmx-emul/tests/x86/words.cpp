// The words of x86/ that have a little behaviour of their own.
#include <gtest/gtest.h>

#include <x86/control_registers.hpp>
#include <x86/segment.hpp>

namespace kurma::x86 {
namespace {

TEST(Canonical, bits_63_to_47_are_alike) {
    EXPECT_TRUE(canonical(0));
    EXPECT_TRUE(canonical(0x0000'7fff'ffff'ffff));
    EXPECT_TRUE(canonical(0xffff'8000'0000'0000));
    EXPECT_TRUE(canonical(~u64{0}));
    EXPECT_FALSE(canonical(0x0000'8000'0000'0000));
    EXPECT_FALSE(canonical(0xffff'7fff'ffff'ffff));
    for (unsigned bit = 47; bit < 64; ++bit) {
        EXPECT_FALSE(canonical(u64{1} << bit)) << bit;
        EXPECT_FALSE(canonical(~(u64{1} << bit))) << bit;
    }
}

TEST(ValidPat, takes_the_six_memory_types_in_each_byte) {
    for (unsigned byte = 0; byte < 8; ++byte)
        for (u64 type = 0; type < 256; ++type)
            EXPECT_EQ(valid_pat(type << 8 * byte),
                      type == 0 || type == 1 || type == 4 || type == 5 || type == 6 || type == 7)
                << byte << " " << type;
}

// SDM 3C table 25-2.
TEST(AccessRights, parts_are_where_the_manual_puts_them) {
    EXPECT_EQ(AccessRights{0x1'f0ff}.type(), 0xf);
    for (u32 dpl = 0; dpl < 4; ++dpl) EXPECT_EQ(AccessRights{dpl << 5}.dpl(), dpl);
    EXPECT_TRUE(AccessRights{1u << 13}.long_mode_code());
    EXPECT_FALSE(AccessRights{~(1u << 13)}.long_mode_code());
    EXPECT_TRUE(AccessRights{1u << 16}.unusable());
    EXPECT_FALSE(AccessRights{~(1u << 16)}.unusable());
}

}  // namespace
}  // namespace kurma::x86
