// The event to inject (SDM 3C 27.2.1.3) and the TPR threshold against the virtual TPR (27.2.1.1).
#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

const CheckResult passes{};
CheckResult refused(CheckId id, u64 value) { return {id, value}; }

constexpr u32 valid_bit = 1u << 31, error_code_bit = 1u << 11;
constexpr u32 word(unsigned type, unsigned vector) { return valid_bit | type << 8 | vector; }

CheckResult event(
    u32 raw, const Change& change = [](Vmcs12&) {}) {
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(entry_interruption_info, {raw});
    v.set(entry_instruction_length, 2);
    change(v);
    return check_event(v, offered);
}

/// The vectors that come with an error code (SDM 3A table 6-1).
bool has_error_code(unsigned vector) { return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17; }

TEST(CheckEvent, nothing_is_checked_of_an_event_that_is_not_valid) {
    EXPECT_EQ(event(0), passes);
    EXPECT_EQ(event(~valid_bit), passes);
}

TEST(CheckEvent, type_1_is_reserved_and_type_7_comes_with_the_monitor_trap_flag) {
    EXPECT_EQ(event(word(1, 0)), refused(CheckId::event_type, word(1, 0)));
    Capabilities with_mtf = offered, without_mtf = offered;
    with_mtf.primary.raw |= u64{1u << 27} << 32;
    without_mtf.primary = offered.primary.without(1u << 27);
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(entry_interruption_info, {word(7, 0)});
    EXPECT_EQ(check_event(v, with_mtf), passes);
    EXPECT_EQ(check_event(v, without_mtf), refused(CheckId::event_type, word(7, 0)));
    v.set(entry_interruption_info, {word(7, 1)});
    EXPECT_EQ(check_event(v, with_mtf), refused(CheckId::event_vector, word(7, 1)));
}

TEST(CheckEvent, an_nmi_has_vector_2_and_an_exception_one_below_32) {
    for (unsigned vector = 0; vector < 256; ++vector) {
        EXPECT_EQ(event(word(0, vector)), passes) << "external interrupt " << vector;
        EXPECT_EQ(event(word(4, vector)), passes) << "software interrupt " << vector;
        EXPECT_EQ(event(word(2, vector)),
                  vector == 2 ? passes : refused(CheckId::event_vector, word(2, vector)));
        const u32 exception = word(3, vector) | (has_error_code(vector) ? error_code_bit : 0u);
        EXPECT_EQ(event(exception), vector < 32 ? passes : refused(CheckId::event_vector, exception));
    }
}

TEST(CheckEvent, exactly_the_exceptions_that_have_an_error_code_deliver_one) {
    for (unsigned vector = 0; vector < 32; ++vector) {
        const u32 without = word(3, vector), with_code = without | error_code_bit;
        EXPECT_EQ(event(with_code),
                  has_error_code(vector) ? passes : refused(CheckId::event_error_code_unexpected, with_code));
        EXPECT_EQ(event(without),
                  has_error_code(vector) ? refused(CheckId::event_error_code_missing, without) : passes);
    }
}

TEST(CheckEvent, no_other_event_delivers_an_error_code) {
    for (const unsigned type : {0u, 2u, 4u, 5u, 6u}) {
        const u32 raw = word(type, type == 2 ? 2 : 13) | error_code_bit;
        EXPECT_EQ(event(raw), refused(CheckId::event_error_code_unexpected, raw)) << "type " << type;
    }
}

TEST(CheckEvent, no_exception_of_an_unrestricted_guest_in_real_mode_delivers_an_error_code) {
    const Change real_mode = with(guest_cr0, 0x30);
    EXPECT_EQ(event(word(3, 13), real_mode), passes);
    EXPECT_EQ(event(word(3, 13) | error_code_bit, real_mode),
              refused(CheckId::event_error_code_unexpected, word(3, 13) | error_code_bit));
    const Change neither = all({real_mode, off(secondary_controls, Secondary::unrestricted_guest)});
    EXPECT_EQ(event(word(3, 13) | error_code_bit, neither), passes)
        << "CR0.PE counts as 1 for a restricted guest, which fails for it later";
}

// SDM 3D A.1, bit 56.
TEST(CheckEvent, processors_with_shadow_stacks_leave_the_error_code_to_software) {
    Capabilities any = offered;
    any.basic |= u64{1} << 56;
    for (unsigned vector = 0; vector < 32; ++vector)
        for (const u32 code : {0u, error_code_bit}) {
            Vmcs12 v = valid_64_bit_guest(offered);
            v.set(entry_interruption_info, {word(3, vector) | code});
            EXPECT_EQ(check_event(v, any), passes) << vector;
        }
    Vmcs12 v = valid_real_mode_guest(offered);
    v.set(entry_interruption_info, {word(3, 13) | error_code_bit});
    EXPECT_EQ(check_event(v, any),
              refused(CheckId::event_error_code_unexpected, word(3, 13) | error_code_bit));
}

TEST(CheckEvent, bits_30_to_12_are_reserved) {
    for (unsigned bit = 12; bit < 31; ++bit)
        EXPECT_EQ(event(word(0, 32) | 1u << bit), refused(CheckId::event_reserved, word(0, 32) | 1u << bit))
            << bit;
}

TEST(CheckEvent, an_error_code_has_16_bits) {
    const u32 page_fault = word(3, 14) | error_code_bit;
    EXPECT_EQ(event(page_fault, with(entry_exception_error_code, 0xffff)), passes);
    for (unsigned bit = 16; bit < 32; ++bit)
        EXPECT_EQ(event(page_fault, with(entry_exception_error_code, 1u << bit)),
                  refused(CheckId::event_error_code_reserved, 1u << bit));
    EXPECT_EQ(event(word(0, 32), with(entry_exception_error_code, ~u32{0})), passes)
        << "nobody looks at a code that is not delivered";
}

TEST(CheckEvent, a_software_event_has_an_instruction_of_1_to_15_bytes) {
    for (const unsigned type : {4u, 5u, 6u}) {
        for (u32 length = 1; length <= 15; ++length)
            EXPECT_EQ(event(word(type, 3), with(entry_instruction_length, length)), passes);
        for (const u32 length : {0u, 16u, ~u32{0}})
            EXPECT_EQ(event(word(type, 3), with(entry_instruction_length, length)),
                      refused(CheckId::event_instruction_length, length));
    }
    for (const unsigned type : {0u, 2u, 3u})
        EXPECT_EQ(event(word(type, 2), with(entry_instruction_length, ~u32{0})), passes);
}

// SDM 3D A.6, bit 30.
TEST(CheckEvent, some_processors_take_software_events_without_an_instruction) {
    Capabilities zero = offered;
    zero.misc |= 1u << 30;
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(entry_interruption_info, {word(4, 0x80)});
    v.set(entry_instruction_length, 0);
    EXPECT_EQ(check_event(v, zero), passes);
    v.set(entry_instruction_length, 16);
    EXPECT_EQ(check_event(v, zero), refused(CheckId::event_instruction_length, 16));
}

TEST(CheckEvent, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(event(word(1, 0) | 1u << 12), refused(CheckId::event_type, word(1, 0) | 1u << 12));
    EXPECT_EQ(event(word(2, 3) | error_code_bit),
              refused(CheckId::event_vector, word(2, 3) | error_code_bit));
    EXPECT_EQ(event(word(3, 13) | 1u << 12),
              refused(CheckId::event_error_code_missing, word(3, 13) | 1u << 12));
    EXPECT_EQ(event(word(4, 3) | 1u << 12, with(entry_instruction_length, 0)),
              refused(CheckId::event_reserved, word(4, 3) | 1u << 12));
}

CheckResult threshold(
    u32 value, u8 vtpr, const Change& change = [](Vmcs12&) {}) {
    Vmcs12 v = valid_vmcs12(offered);
    v.set(tpr_threshold, value);
    change(v);
    return check_tpr_threshold(v, vtpr);
}

TEST(CheckTprThreshold, is_not_above_the_virtual_task_priority) {
    for (u32 value = 0; value < 16; ++value)
        for (unsigned vtpr = 0; vtpr < 256; ++vtpr)
            EXPECT_EQ(threshold(value, static_cast<u8>(vtpr)),
                      value <= vtpr / 16 ? passes : refused(CheckId::tpr_threshold_above_vtpr, value));
}

TEST(CheckTprThreshold, does_not_matter_where_something_else_watches_the_task_priority) {
    EXPECT_EQ(threshold(15, 0, off(primary_controls, Primary::use_tpr_shadow)), passes);
    EXPECT_EQ(threshold(15, 0, on(secondary_controls, Secondary::virtualize_apic_accesses)), passes);
    EXPECT_EQ(threshold(15, 0, on(secondary_controls, Secondary::virtual_interrupt_delivery)), passes);
}

}  // namespace
}  // namespace kurma::vmx
