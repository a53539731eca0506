// The VM-exit instruction-information word (SDM 3C 28.2.5).
#include <gtest/gtest.h>

#include "../testing/operand_form.hpp"

namespace kurma::vmx {
namespace {

using testing::AddressSize;
using testing::OperandForm;

// VMREAD [GS:RBX + R9*8 + disp32], RSI with 64-bit addresses, put together by hand.
TEST(InstructionInfo, reads_every_part_of_a_memory_form) {
    constexpr InstructionInfo info{3u | 2u << 7 | 5u << 15 | 9u << 18 | 3u << 23 | 6u << 28};
    EXPECT_EQ(info.scale(), 3u);
    EXPECT_EQ(info.address_size(), 2u);
    EXPECT_FALSE(info.register_operand());
    EXPECT_EQ(info.segment(), SegmentIndex::gs);
    EXPECT_TRUE(info.has_index());
    EXPECT_EQ(info.index_register(), 9u);
    EXPECT_TRUE(info.has_base());
    EXPECT_EQ(info.base_register(), 3u);
    EXPECT_EQ(info.register2(), 6u);
}

TEST(InstructionInfo, reads_a_register_form) {
    constexpr InstructionInfo info{1u << 10 | 15u << 3 | 14u << 28};
    EXPECT_TRUE(info.register_operand());
    EXPECT_EQ(info.register1(), 15u);
    EXPECT_EQ(info.register2(), 14u);
}

TEST(InstructionInfo, set_bits_22_and_27_mean_that_index_and_base_are_missing) {
    EXPECT_FALSE(InstructionInfo{1u << 22}.has_index());
    EXPECT_TRUE(InstructionInfo{1u << 22}.has_base());
    EXPECT_FALSE(InstructionInfo{1u << 27}.has_base());
    EXPECT_TRUE(InstructionInfo{1u << 27}.has_index());
}

TEST(InstructionInfo, masks_addresses_to_their_size) {
    EXPECT_EQ((InstructionInfo{OperandForm{.address_size = AddressSize::bits16}.raw()}.address_mask()),
              0xffffu);
    EXPECT_EQ((InstructionInfo{OperandForm{.address_size = AddressSize::bits32}.raw()}.address_mask()),
              0xffff'ffffu);
    EXPECT_EQ((InstructionInfo{OperandForm{.address_size = AddressSize::bits64}.raw()}.address_mask()),
              ~u64{0});
}

TEST(InstructionInfo, numbers_segments_as_the_manual_does) {
    for (u32 segment = 0; segment < 6; ++segment)
        EXPECT_EQ(static_cast<u32>(InstructionInfo{segment << 15}.segment()), segment);
    EXPECT_EQ(InstructionInfo{0}.segment(), SegmentIndex::es);
    EXPECT_EQ(InstructionInfo{2u << 15}.segment(), SegmentIndex::ss);
    EXPECT_EQ(InstructionInfo{3u << 15}.segment(), SegmentIndex::ds);
    EXPECT_EQ(InstructionInfo{4u << 15}.segment(), SegmentIndex::fs);
}

}  // namespace
}  // namespace kurma::vmx
