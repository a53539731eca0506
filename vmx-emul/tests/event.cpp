// Interruption-information words (SDM 3C 25.8.3, 25.9.2, 25.9.3).
#include <gtest/gtest.h>

#include <vmx/event.hpp>

namespace kurma::vmx {
namespace {

TEST(InterruptionInfo, reads_a_page_fault) {
    constexpr InterruptionInfo info{0x8000'0b0e};
    EXPECT_TRUE(info.valid());
    EXPECT_EQ(info.vector(), 14);
    EXPECT_EQ(info.type(), EventType::hardware_exception);
    EXPECT_TRUE(info.error_code_valid());
}

TEST(InterruptionInfo, reads_an_nmi_and_an_external_interrupt) {
    EXPECT_EQ(InterruptionInfo{0x8000'0202}.type(), EventType::nmi);
    EXPECT_EQ(InterruptionInfo{0x8000'0202}.vector(), 2);
    EXPECT_EQ(InterruptionInfo{0x8000'00ef}.type(), EventType::external_interrupt);
    EXPECT_EQ(InterruptionInfo{0x8000'00ef}.vector(), 0xef);
    EXPECT_FALSE(InterruptionInfo{0x8000'00ef}.error_code_valid());
    EXPECT_FALSE(InterruptionInfo{0x0000'00ef}.valid());
}

TEST(InterruptionInfo, makes_the_words_that_the_manual_asks_for) {
    EXPECT_EQ(InterruptionInfo::of(x86::Fault::ud()).raw, 0x8000'0306u);
    EXPECT_EQ(InterruptionInfo::of(x86::Fault::gp()).raw, 0x8000'0b0du);
    EXPECT_EQ(InterruptionInfo::of(x86::Fault::ss()).raw, 0x8000'0b0cu);
    EXPECT_EQ(InterruptionInfo::of(x86::Fault::pf(2, 0x1000)).raw, 0x8000'0b0eu);
    EXPECT_EQ(InterruptionInfo::make(EventType::nmi, 2, false).raw, 0x8000'0202u);
    EXPECT_EQ(InterruptionInfo::make(EventType::software_interrupt, 0x80, false).raw, 0x8000'0480u);
}

// Types 4, 5 and 6 push the address of the next instruction (SDM 3C 25.8.3).
TEST(InterruptionInfo, only_software_events_need_an_instruction_length) {
    for (u32 type = 0; type < 8; ++type)
        EXPECT_EQ(InterruptionInfo{0x8000'0000 | type << 8}.needs_instruction_length(),
                  type == 4 || type == 5 || type == 6)
            << type;
}

TEST(InterruptionInfo, is_consumed_by_losing_the_valid_bit_alone) {
    EXPECT_EQ(InterruptionInfo{0x8000'0b0e}.consumed().raw, 0x0000'0b0eu);
    EXPECT_EQ(InterruptionInfo{0x0000'0b0e}.consumed().raw, 0x0000'0b0eu);
}

// Bit 12 of an IDT-vectoring word is undefined (25.9.3), and reserved in the entry word (25.8.3).
TEST(InterruptionInfo, is_reinjected_without_the_bits_that_entry_reserves) {
    EXPECT_EQ(InterruptionInfo{0x8000'1b0e}.for_reinjection().raw, 0x8000'0b0eu);
    EXPECT_EQ(InterruptionInfo{0xffff'ffff}.for_reinjection().raw, 0x8000'0fffu);
}

TEST(Fault, only_ud_lacks_an_error_code_among_those_that_vmx_instructions_raise) {
    EXPECT_FALSE(x86::Fault::ud().has_error_code());
    EXPECT_TRUE(x86::Fault::gp().has_error_code());
    EXPECT_TRUE(x86::Fault::ss().has_error_code());
    EXPECT_TRUE(x86::Fault::pf(0, 0).has_error_code());
}

}  // namespace
}  // namespace kurma::vmx
