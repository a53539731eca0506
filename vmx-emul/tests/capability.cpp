// Capability MSRs and what L1 is offered of them (SDM 3D appendix A).
#include <gtest/gtest.h>

#include <vmx/capability.hpp>

#include "../testing/capability_sets.hpp"

namespace kurma::vmx {
namespace {

using testing::bits;

TEST(AllowedSettings, allow_a_word_with_every_fixed_1_and_without_any_fixed_0) {
    constexpr AllowedSettings settings{0x0000'00ff'0000'0016};
    EXPECT_TRUE(settings.allows(0x16));
    EXPECT_TRUE(settings.allows(0xff));
    EXPECT_FALSE(settings.allows(0x12)) << "bit 2 must be 1";
    EXPECT_FALSE(settings.allows(0x116)) << "bit 8 must be 0";
    EXPECT_FALSE(settings.allows(0));
}

// Three kinds of bit there are (fixed 1, fixed 0, free), and two values to ask for.
TEST(AllowedSettings, adjust_follows_the_truth_table_of_each_bit) {
    constexpr u32 fixed_1 = 1u << 0, free = 1u << 1, fixed_0 = 1u << 2;
    constexpr AllowedSettings settings{static_cast<u64>(fixed_1 | free) << 32 | fixed_1};
    EXPECT_EQ(settings.adjust(0), fixed_1);
    EXPECT_EQ(settings.adjust(free), fixed_1 | free);
    EXPECT_EQ(settings.adjust(fixed_0), fixed_1);
    EXPECT_EQ(settings.adjust(~u32{0}), fixed_1 | free);
    EXPECT_TRUE(settings.allows(settings.adjust(0xdead'beef)));
}

TEST(AllowedSettings, without_takes_away_from_what_may_be_1) {
    constexpr AllowedSettings settings{0x0000'00ff'0000'0016};
    EXPECT_EQ(settings.without(0xc0).may_be_one(), 0x3fu);
    EXPECT_EQ(settings.without(0xc0).must_be_one(), 0x16u);
}

TEST(Capabilities, read_the_miscellaneous_msr) {
    Capabilities c{};
    c.misc = u64{1} << 29 | 3u << 25 | 0x101u << 16 | 1u << 6;
    EXPECT_TRUE(c.vmwrite_any_field());
    EXPECT_EQ(c.cr3_targets(), 0x101u);
    EXPECT_EQ(c.max_msr_area_entries(), 2048u);
    c.misc = 6u << 6;
    EXPECT_FALSE(c.vmwrite_any_field());
    EXPECT_EQ(c.max_msr_area_entries(), 512u);
}

TEST(Capabilities, take_the_revision_from_31_bits) {
    Capabilities c{};
    c.basic = 0x00d8'1000'8000'002b;
    EXPECT_EQ(c.revision(), 0x2bu);
}

TEST(Capabilities, use_the_true_msrs_where_there_are_any) {
    Capabilities c = testing::haswell();
    EXPECT_EQ(c.effective_primary().raw, c.true_primary.raw);
    EXPECT_EQ(c.effective_exit().raw, c.true_exit.raw);
    EXPECT_EQ(c.effective_entry().raw, c.true_entry.raw);
    c.true_pin.raw ^= 2;
    EXPECT_EQ(c.effective_pin().raw, c.true_pin.raw);
    c.basic &= ~(u64{1} << 55);
    EXPECT_EQ(c.effective_pin().raw, c.pin.raw);
    EXPECT_EQ(c.effective_primary().raw, c.primary.raw);
    EXPECT_EQ(c.effective_exit().raw, c.exit.raw);
    EXPECT_EQ(c.effective_entry().raw, c.entry.raw);
}

TEST(Capabilities, have_no_secondary_control_without_the_bit_that_activates_them) {
    Capabilities c = testing::haswell();
    EXPECT_TRUE(c.may(Secondary::enable_ept));
    c.primary = c.primary.without(bits(Primary::activate_secondary_controls));
    EXPECT_FALSE(c.has_secondary());
    EXPECT_FALSE(c.may(Secondary::enable_ept));
}

// SDM 3D appendix B says of each such field with which 1-setting of which control it exists.
TEST(Capabilities, fields_exist_with_their_feature) {
    const auto exists_without = [](Exists condition, auto hide) {
        Capabilities c = testing::everything();
        EXPECT_TRUE(c.exists(condition));
        hide(c);
        return c.exists(condition);
    };
    const auto secondary = [](Secondary bit) {
        return [bit](Capabilities& c) { c.secondary = c.secondary.without(bits(bit)); };
    };
    const auto primary = [](Primary bit) {
        return [bit](Capabilities& c) { c.primary = c.primary.without(bits(bit)); };
    };
    EXPECT_FALSE(exists_without(Exists::ept, secondary(Secondary::enable_ept)));
    EXPECT_FALSE(exists_without(Exists::vpid, secondary(Secondary::enable_vpid)));
    EXPECT_FALSE(exists_without(Exists::pause_loop, secondary(Secondary::pause_loop_exiting)));
    EXPECT_FALSE(exists_without(Exists::xsaves, secondary(Secondary::enable_xsaves)));
    EXPECT_FALSE(exists_without(Exists::virtualize_apic, secondary(Secondary::virtualize_apic_accesses)));
    EXPECT_FALSE(exists_without(Exists::msr_bitmaps, primary(Primary::use_msr_bitmaps)));
    EXPECT_FALSE(exists_without(Exists::io_bitmaps, primary(Primary::use_io_bitmaps)));
    EXPECT_FALSE(exists_without(Exists::tpr_shadow, primary(Primary::use_tpr_shadow)));
    EXPECT_FALSE(exists_without(Exists::secondary, primary(Primary::activate_secondary_controls)));
    EXPECT_FALSE(exists_without(Exists::preemption_timer,
                                [](Capabilities& c) { c.pin = c.pin.without(bits(Pin::preemption_timer)); }));
    EXPECT_TRUE(exists_without(Exists::always, [](Capabilities& c) { c = Capabilities{}; }));
}

TEST(Capabilities, pat_and_efer_fields_exist_with_any_control_that_uses_them) {
    const auto with = [](u32 exit, u32 entry) {
        Capabilities c{};
        c.exit = testing::settings(0, exit);
        c.entry = testing::settings(0, entry);
        return c;
    };
    EXPECT_FALSE(with(0, 0).exists(Exists::pat_controls));
    EXPECT_FALSE(with(0, 0).exists(Exists::efer_controls));
    for (const Exit bit : {Exit::save_pat, Exit::load_pat})
        EXPECT_TRUE(with(bits(bit), 0).exists(Exists::pat_controls));
    EXPECT_TRUE(with(0, bits(Entry::load_pat)).exists(Exists::pat_controls));
    for (const Exit bit : {Exit::save_efer, Exit::load_efer})
        EXPECT_TRUE(with(bits(bit), 0).exists(Exists::efer_controls));
    EXPECT_TRUE(with(0, bits(Entry::load_efer)).exists(Exists::efer_controls));
    EXPECT_FALSE(with(0, bits(Entry::load_efer)).exists(Exists::pat_controls));
}

// SDM 3D A.10.
TEST(Capabilities, tell_what_ept_can_do) {
    const auto with = [](unsigned bit) {
        Capabilities c{};
        c.ept_vpid = u64{1} << bit;
        c.physical_address_width = 39;
        return c.ept();
    };
    EXPECT_TRUE(with(0).execute_only);
    EXPECT_TRUE(with(8).uc);
    EXPECT_TRUE(with(14).wb);
    EXPECT_TRUE(with(16).page_2m);
    EXPECT_TRUE(with(17).page_1g);
    EXPECT_TRUE(with(21).accessed_dirty);
    EXPECT_EQ(with(21).physical_address_width, 39);
    const ept::Capabilities none = with(63);
    EXPECT_FALSE(none.execute_only || none.uc || none.wb || none.page_2m || none.page_1g ||
                 none.accessed_dirty);
}

}  // namespace
}  // namespace kurma::vmx
