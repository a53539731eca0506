#include <gtest/gtest.h>

#include <ept/eptp.hpp>

namespace kurma::ept {
namespace {

constexpr u64 four_levels_wb = 0x1E;
constexpr Capabilities plain{.accessed_dirty = false, .uc = true, .wb = true, .physical_address_width = 40};

TEST(Eptp, what_make_makes_is_valid_and_reads_back) {
    const Eptp eptp = Eptp::make(Hpa{0x1234'5000});
    EXPECT_EQ(eptp.bits(), 0x1234'501Eu);
    EXPECT_EQ(eptp.root<Space::host>(), Hpa{0x1234'5000});
    EXPECT_EQ(eptp.walk_length(), 4u);
    EXPECT_EQ(eptp.memory_type(), MemoryType::wb);
    EXPECT_FALSE(eptp.accessed_dirty());
    EXPECT_TRUE(eptp.valid(plain));
}

TEST(Eptp, only_offered_memory_types_are_valid) {
    for (u64 type = 0; type < 8; ++type) {
        const Eptp eptp{(four_levels_wb & ~u64{7}) | type};
        EXPECT_EQ(eptp.valid(plain), type == 0 || type == 6) << type;
        EXPECT_FALSE(eptp.valid({.uc = false, .wb = false})) << type;
        EXPECT_EQ(eptp.valid({.uc = true, .wb = false}), type == 0) << type;
    }
}

TEST(Eptp, only_four_levels_are_valid) {
    for (u64 length = 0; length < 8; ++length)
        EXPECT_EQ(Eptp{6 | length << 3}.valid(plain), length == 3) << length;
}

TEST(Eptp, accessed_and_dirty_flags_are_valid_only_where_offered) {
    const Eptp eptp = Eptp::make(Hpa{0x1000}, MemoryType::wb, true);
    EXPECT_TRUE(eptp.accessed_dirty());
    EXPECT_FALSE(eptp.valid(plain));
    Capabilities with = plain;
    with.accessed_dirty = true;
    EXPECT_TRUE(eptp.valid(with));
}

TEST(Eptp, each_reserved_bit_is_invalid) {
    for (unsigned bit = 7; bit < 64; ++bit) {
        const bool address = bit >= 12 && bit < plain.physical_address_width;
        EXPECT_EQ(Eptp{four_levels_wb | u64{1} << bit}.valid(plain), address) << "bit " << bit;
    }
}

}  // namespace
}  // namespace kurma::ept
