// Knobs.
#include <gtest/gtest.h>

#include <vmx/policy.hpp>

namespace kurma::vmx {
namespace {

TEST(SetKnob, takes_on_and_off) {
    Policy policy{};
    EXPECT_EQ(set_knob(policy, "offer.ept", "off"), KnobResult::accepted);
    EXPECT_FALSE(policy.offer_ept);
    EXPECT_EQ(set_knob(policy, "offer.ept", "on"), KnobResult::accepted);
    EXPECT_TRUE(policy.offer_ept);
}

TEST(SetKnob, takes_each_way_to_reach_a_vmcs) {
    Policy policy{};
    EXPECT_EQ(policy.vmcs_access, VmcsAccess::best);
    EXPECT_EQ(set_knob(policy, "vmcs_access", "trap"), KnobResult::accepted);
    EXPECT_EQ(policy.vmcs_access, VmcsAccess::trap);
    EXPECT_EQ(set_knob(policy, "vmcs_access", "shadow-direct"), KnobResult::accepted);
    EXPECT_EQ(policy.vmcs_access, VmcsAccess::shadow_direct);
    EXPECT_EQ(set_knob(policy, "vmcs_access", "shadow"), KnobResult::bad_value);
    EXPECT_EQ(policy.vmcs_access, VmcsAccess::shadow_direct);
}

TEST(SetKnob, changes_the_knob_that_is_named_and_no_other) {
    Policy policy{};
    EXPECT_EQ(set_knob(policy, "offer.vpid", "off"), KnobResult::accepted);
    EXPECT_FALSE(policy.offer_vpid);
    EXPECT_TRUE(policy.offer_ept);
    EXPECT_TRUE(policy.offer_unrestricted_guest);
    EXPECT_EQ(set_knob(policy, "offer.unrestricted_guest", "off"), KnobResult::accepted);
    EXPECT_FALSE(policy.offer_unrestricted_guest);
    EXPECT_TRUE(policy.ept02_large_pages);
    EXPECT_EQ(set_knob(policy, "ept02_large_pages", "off"), KnobResult::accepted);
    EXPECT_FALSE(policy.ept02_large_pages);
}

TEST(SetKnob, knows_the_three_levels_of_tracing) {
    Policy policy{};
    EXPECT_EQ(policy.trace, TraceLevel::counters);
    EXPECT_EQ(set_knob(policy, "trace", "turns"), KnobResult::accepted);
    EXPECT_EQ(policy.trace, TraceLevel::turns);
    EXPECT_EQ(set_knob(policy, "trace", "off"), KnobResult::accepted);
    EXPECT_EQ(policy.trace, TraceLevel::off);
    EXPECT_EQ(set_knob(policy, "trace", "counters"), KnobResult::accepted);
    EXPECT_EQ(policy.trace, TraceLevel::counters);
}

TEST(SetKnob, tells_an_unknown_knob_from_a_bad_value) {
    Policy policy{};
    EXPECT_EQ(set_knob(policy, "offer_ept", "on"), KnobResult::unknown_knob);
    EXPECT_EQ(set_knob(policy, "", "on"), KnobResult::unknown_knob);
    EXPECT_EQ(set_knob(policy, "trace", "on"), KnobResult::bad_value);
    EXPECT_EQ(set_knob(policy, "offer.ept", "maybe"), KnobResult::bad_value);
    EXPECT_EQ(set_knob(policy, "offer.ept", ""), KnobResult::bad_value);
    EXPECT_EQ(set_knob(policy, "offer.ept", "ON"), KnobResult::bad_value);
}

TEST(SetKnob, leaves_a_knob_alone_when_it_refuses_the_value) {
    Policy policy{};
    EXPECT_EQ(set_knob(policy, "trace", "loud"), KnobResult::bad_value);
    EXPECT_EQ(policy.trace, TraceLevel::counters);
    EXPECT_EQ(set_knob(policy, "offer.ept", "maybe"), KnobResult::bad_value);
    EXPECT_TRUE(policy.offer_ept);
}

}  // namespace
}  // namespace kurma::vmx
