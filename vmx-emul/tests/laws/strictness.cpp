// Strictness: what 01 or 12 wants to intercept, 02 intercepts.
#include <gtest/gtest.h>

#include "../../testing/merged.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr int rounds = 5'000;

/// Controls whose 1-setting makes something exit (SDM 3C tables 25-5 to 25-7); I/O and MSRs have their own
/// tests.
constexpr u32 pin_intercepts = bits(Pin::external_interrupt_exiting, Pin::nmi_exiting, Pin::preemption_timer);
constexpr u32 primary_intercepts = bits(
    Primary::interrupt_window_exiting, Primary::hlt_exiting, Primary::invlpg_exiting, Primary::mwait_exiting,
    Primary::rdpmc_exiting, Primary::rdtsc_exiting, Primary::cr3_load_exiting, Primary::cr3_store_exiting,
    Primary::cr8_load_exiting, Primary::cr8_store_exiting, Primary::nmi_window_exiting,
    Primary::mov_dr_exiting, Primary::monitor_exiting, Primary::pause_exiting);
constexpr u32 secondary_intercepts =
    bits(Secondary::descriptor_table_exiting, Secondary::wbinvd_exiting, Secondary::pause_loop_exiting,
         Secondary::rdrand_exiting, Secondary::rdseed_exiting);

template <class Judge>
void for_random_vmcs12(const Capabilities& host, u64 seed, Judge judge) {
    const Capabilities offered = offer(host, Policy{});
    Random random{seed};
    int passed = 0;
    for (int round = 0; round < rounds; ++round) {
        Vmcs12 v = random_vmcs12(random, offered);
        const auto vmcs02 = merged(v, offered, host);
        if (!vmcs02) continue;
        ++passed;
        judge(v, *vmcs02);
        if (::testing::Test::HasFailure()) FAIL() << "round " << round << ", seed " << seed;
    }
    EXPECT_GT(passed, rounds / 100);
}

TEST(Strictness, every_intercepting_control_of_12_is_in_02) {
    for_random_vmcs12(everything(), 11, [](const Vmcs12& v, const FakeVmcs& vmcs02) {
        const u32 pin = v.get(field::pin_controls).raw & pin_intercepts;
        EXPECT_EQ(vmcs02.get(field::pin_controls).raw & pin, pin);
        const u32 primary = v.get(field::primary_controls).raw & primary_intercepts;
        EXPECT_EQ(vmcs02.get(field::primary_controls).raw & primary, primary);
        if ((v.get(field::primary_controls).raw >> 31) == 0) return;
        const u32 secondary = v.get(field::secondary_controls).raw & secondary_intercepts;
        EXPECT_EQ(vmcs02.get(field::secondary_controls).raw & secondary, secondary);
    });
}

TEST(Strictness, exceptions_and_control_register_bits_of_12_are_intercepted_in_02) {
    for_random_vmcs12(haswell(), 12, [](const Vmcs12& v, const FakeVmcs& vmcs02) {
        for (const FieldId id : {FieldId::exception_bitmap, FieldId::page_fault_error_code_mask,
                                 FieldId::page_fault_error_code_match, FieldId::cr0_guest_host_mask,
                                 FieldId::cr4_guest_host_mask, FieldId::cr0_read_shadow,
                                 FieldId::cr4_read_shadow, FieldId::cr3_target_count, FieldId::tpr_threshold})
            EXPECT_EQ(vmcs02.peek(id), v.image[static_cast<usize>(id)]) << row_of(id).name;
    });
}

/// Whether a port exits: bitmaps, where used, are all that counts (SDM 3C 25.6.2, 26.1.3).
bool port_exits(u32 primary, bool bit_in_bitmap) {
    const bool unconditional = ((primary >> 24) & 1) != 0, bitmaps = ((primary >> 25) & 1) != 0;
    return bitmaps ? bit_in_bitmap : unconditional;
}
/// Whether an MSR exits: all do without a bitmap (25.6.9).
bool msr_exits(u32 primary, bool bit_in_bitmap) { return ((primary >> 28) & 1) == 0 || bit_in_bitmap; }

TEST(Strictness, a_port_or_msr_that_12_or_01_intercepts_exits_from_02) {
    for_random_vmcs12(haswell(), 13, [](const Vmcs12& v, const FakeVmcs& vmcs02) {
        const u32 primary12 = v.get(field::primary_controls).raw;
        const u32 primary02 = vmcs02.get(field::primary_controls).raw;
        for (const bool in_12 : {false, true}) {
            for (const bool in_01 : {false, true}) {
                // L1's bitmap counts only where L1 uses it.
                const bool used_io = ((primary12 >> 25) & 1) != 0, used_msr = ((primary12 >> 28) & 1) != 0;
                const u64 of_l0 = in_01, io_of_l1 = used_io && in_12, msr_of_l1 = used_msr && in_12;
                u64 io = io_of_l1, msr = msr_of_l1;
                Intercepts01 intercepts;
                ASSERT_TRUE(intercepts.take(&of_l0, 1));
                intercepts.add_to(&io);
                intercepts.add_to(&msr);
                if (in_01 || port_exits(primary12, in_12)) {
                    EXPECT_TRUE(port_exits(primary02, io != 0));
                }
                if (in_01 || msr_exits(primary12, in_12)) {
                    EXPECT_TRUE(msr_exits(primary02, msr != 0));
                }
            }
        }
    });
}

TEST(Strictness, l2s_memory_is_always_behind_an_ept_of_l0s) {
    for_random_vmcs12(haswell(), 14, [](const Vmcs12&, const FakeVmcs& vmcs02) {
        EXPECT_TRUE(vmcs02.get(field::primary_controls).has(Primary::activate_secondary_controls));
        EXPECT_TRUE(vmcs02.get(field::secondary_controls).has(Secondary::enable_ept));
        EXPECT_EQ(vmcs02.get(field::eptp), l0s_places.eptp);
    });
}

}  // namespace
}  // namespace kurma::vmx
