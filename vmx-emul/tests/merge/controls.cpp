// The five control words of vmcs02 (SDM 3C 25.6 to 25.8).
#include <gtest/gtest.h>

#include <vmx/merge.hpp>

#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using testing::bits;

const Capabilities host = testing::haswell();
const Capabilities offered = offer(host, Policy{});

Vmcs12 vmcs12() { return testing::valid_vmcs12(offered); }

/// A word of vmcs12 in which one bit is set or clear, the others being as the builder has them.
template <class Control, class Bit>
Vmcs12 with(Control control, Bit bit, bool set) {
    Vmcs12 v = vmcs12();
    v.set(control, v.get(control).with_if(set, bit));
    return v;
}

TEST(MergeControls, pin_based_controls_are_l1s) {
    for (unsigned bit = 0; bit < 32; ++bit) {
        Vmcs12 v = vmcs12();
        v.set(pin_controls, {1u << bit});
        EXPECT_EQ(merge_controls(v, host).pin.raw, 1u << bit);
    }
}

TEST(MergeControls, primary_controls_are_l1s_but_for_bitmaps_and_secondary_controls) {
    const u32 l0s = bits(Primary::use_io_bitmaps, Primary::activate_secondary_controls);
    for (unsigned bit = 0; bit < 32; ++bit) {
        Vmcs12 v = vmcs12();
        v.set(primary_controls, {1u << bit});
        EXPECT_EQ(merge_controls(v, host).primary.raw & ~l0s, 1u << bit & ~l0s) << "bit " << bit;
    }
}

TEST(MergeControls, secondary_controls_are_always_active_because_l0_needs_ept) {
    for (const bool activated : {false, true}) {
        const Vmcs12 v = with(primary_controls, Primary::activate_secondary_controls, activated);
        const Controls02 merged = merge_controls(v, host);
        EXPECT_TRUE(merged.primary.has(Primary::activate_secondary_controls));
        EXPECT_TRUE(merged.secondary.has(Secondary::enable_ept));
        EXPECT_TRUE(merged.secondary.has(Secondary::enable_vpid));
    }
}

// What they do depends on ept12, which only L0 knows; hardware would do it by ept02.
TEST(MergeControls, the_page_log_and_virtualization_exceptions_are_never_hardwares) {
    for (const Secondary control : {Secondary::enable_pml, Secondary::ept_violation_ve})
        EXPECT_FALSE(merge_controls(with(secondary_controls, control, true), host).secondary.has(control));
}

TEST(MergeControls, secondary_controls_of_l1_count_only_when_l1_activated_them) {
    Vmcs12 v = vmcs12();
    v.set(secondary_controls, {~u32{0}});
    EXPECT_EQ(merge_controls(v, host).secondary.raw,
              ~bits(Secondary::enable_pml, Secondary::ept_violation_ve));
    v.set(primary_controls, v.get(primary_controls).without(Primary::activate_secondary_controls));
    EXPECT_EQ(merge_controls(v, host).secondary.raw, bits(Secondary::enable_ept, Secondary::enable_vpid));
}

TEST(MergeControls, vpid_is_used_where_the_processor_has_it) {
    Capabilities without = host;
    without.secondary = host.secondary.without(bits(Secondary::enable_vpid));
    Vmcs12 v = vmcs12();
    v.set(secondary_controls, {0});
    EXPECT_FALSE(merge_controls(v, without).secondary.has(Secondary::enable_vpid));
    EXPECT_TRUE(merge_controls(v, host).secondary.has(Secondary::enable_vpid));
}

// SDM 3C 25.6.2: bitmaps, where used, make the processor ignore unconditional I/O exiting.
TEST(MergeControls, io_follows_the_truth_table_of_l1s_two_controls) {
    const auto merged = [](bool unconditional, bool bitmaps) {
        Vmcs12 v = with(primary_controls, Primary::unconditional_io_exiting, unconditional);
        v.set(primary_controls, v.get(primary_controls).with_if(bitmaps, Primary::use_io_bitmaps));
        return merge_controls(v, host).primary;
    };
    EXPECT_TRUE(merged(false, false).has(Primary::use_io_bitmaps)) << "L0's ports are still trapped";
    EXPECT_FALSE(merged(true, false).has(Primary::use_io_bitmaps)) << "every port must exit";
    EXPECT_TRUE(merged(true, false).has(Primary::unconditional_io_exiting));
    EXPECT_TRUE(merged(false, true).has(Primary::use_io_bitmaps));
    EXPECT_TRUE(merged(true, true).has(Primary::use_io_bitmaps));
}

TEST(MergeControls, without_an_msr_bitmap_every_msr_exits_as_l1_wants) {
    EXPECT_TRUE(merge_controls(with(primary_controls, Primary::use_msr_bitmaps, true), host)
                    .primary.has(Primary::use_msr_bitmaps));
    EXPECT_FALSE(merge_controls(with(primary_controls, Primary::use_msr_bitmaps, false), host)
                     .primary.has(Primary::use_msr_bitmaps));
}

// What L0 needs whatever L1 wants: a 64-bit host, and L2's debug registers, PAT and EFER saved and its own
// back.
TEST(MergeControls, exits_save_and_load_what_l0_must_not_lose) {
    Vmcs12 v = vmcs12();
    v.set(exit_controls, {0});
    EXPECT_EQ(merge_controls(v, host).exit.raw,
              bits(Exit::host_address_space_size, Exit::save_debug_controls, Exit::save_pat, Exit::load_pat,
                   Exit::save_efer, Exit::load_efer));
}

TEST(MergeControls, acknowledgement_of_interrupts_is_l1s_choice) {
    for (const bool acknowledge : {false, true})
        EXPECT_EQ(merge_controls(with(exit_controls, Exit::acknowledge_interrupt_on_exit, acknowledge), host)
                      .exit.has(Exit::acknowledge_interrupt_on_exit),
                  acknowledge);
}

// L0's own exits must not cost L2 the rest of its timer; a saved timer needs the timer (SDM 3C 27.2.1.2).
TEST(MergeControls, the_preemption_timer_is_saved_where_it_runs) {
    for (const bool runs : {false, true})
        EXPECT_EQ(merge_controls(with(pin_controls, Pin::preemption_timer, runs), host)
                      .exit.has(Exit::save_preemption_timer),
                  runs);
}

TEST(MergeControls, entries_load_what_l0_computed_and_the_mode_that_l1_wants) {
    for (const bool ia32e : {false, true}) {
        Vmcs12 v = vmcs12();
        v.set(entry_controls, EntryControls{}.with_if(ia32e, Entry::ia32e_mode_guest));
        EXPECT_EQ(merge_controls(v, host).entry.raw,
                  bits(Entry::load_debug_controls, Entry::load_pat, Entry::load_efer) |
                      (ia32e ? bits(Entry::ia32e_mode_guest) : 0));
    }
}

}  // namespace
}  // namespace kurma::vmx
