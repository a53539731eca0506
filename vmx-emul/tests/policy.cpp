// Knobs.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>
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
    EXPECT_EQ(set_knob(policy, "vmcs_access", "shadow-copy"), KnobResult::accepted);
    EXPECT_EQ(policy.vmcs_access, VmcsAccess::shadow_copy);
    EXPECT_EQ(set_knob(policy, "vmcs_access", "shadow"), KnobResult::bad_value);
    EXPECT_EQ(policy.vmcs_access, VmcsAccess::shadow_copy);
}

TEST(SetKnob, takes_numbers_in_their_range_and_nothing_else) {
    Policy policy{};
    EXPECT_EQ(set_knob(policy, "ept02_fault_around", "512"), KnobResult::accepted);
    EXPECT_EQ(policy.ept02_fault_around, 512);
    EXPECT_EQ(set_knob(policy, "ept02_fault_around", "1"), KnobResult::accepted);
    EXPECT_EQ(policy.ept02_fault_around, 1);
    for (const char* bad : {"0", "513", "65537", "4294967297", "", "-1", "+1", "1x", " 1", "0x10"})
        EXPECT_EQ(set_knob(policy, "ept02_fault_around", bad), KnobResult::bad_value) << bad;
    EXPECT_EQ(policy.ept02_fault_around, 1);
}

/// The values of a row, one by one: those between " | ", or the two ends of a range.
std::vector<std::string> values_of(const KnobRow& row) {
    const std::string all = row.values;
    if (const auto dots = all.find(".."); dots != all.npos)
        return {all.substr(0, dots), all.substr(dots + 2)};
    std::vector<std::string> values;
    for (usize from = 0; from < all.size();) {
        const usize bar = std::min(all.find(" | ", from), all.size());
        values.push_back(all.substr(from, bar - from));
        from = bar + 3;
    }
    return values;
}

template <class T>
std::string written(const T& value) {
    if constexpr (requires { name_of(value); })
        return name_of(value);
    else
        return std::to_string(value);
}

TEST(KnobTable, says_the_values_that_each_knob_takes) {
    for (const KnobRow& row : knob_rows)
        for (const std::string& value : values_of(row)) {
            Policy policy{};
            EXPECT_EQ(set_knob(policy, row.name, value), KnobResult::accepted) << row.name << "=" << value;
            for_each_knob(policy, [&](const KnobRow& set, const auto& now, const auto&) {
                if (&set == &row) {
                    EXPECT_EQ(written(now), value) << row.name;
                }
            });
        }
}

TEST(KnobTable, leaves_out_no_value) {
    for_each_knob(Policy{}, [](const KnobRow& row, const auto& value, const auto&) {
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (requires { T::last; })
            EXPECT_EQ(std::to_string(T::first) + ".." + std::to_string(T::last), row.values);
        else
            EXPECT_EQ(values_of(row).size(), words<T>.size()) << row.name;
    });
}

TEST(KnobTable, says_of_each_knob_when_what_and_at_what_price) {
    for (const KnobRow& row : knob_rows) {
        EXPECT_EQ(find_knob(row.name), &row);
        for (const char* text : {row.what, row.trades, row.shown_by}) EXPECT_STRNE(text, "") << row.name;
    }
    EXPECT_EQ(find_knob("nosuch"), nullptr);
}

TEST(SetKnob, while_l1_runs_changes_nothing_that_l1_was_offered) {
    Policy policy{};
    EXPECT_EQ(set_knob(policy, "offer.ept", "off", When::any_time), KnobResult::only_at_boot);
    EXPECT_TRUE(policy.offer_ept);
    EXPECT_EQ(set_knob(policy, "offer.ept", "on", When::any_time), KnobResult::accepted)
        << "it is on already";
    EXPECT_EQ(set_knob(policy, "trace", "turns", When::any_time), KnobResult::accepted);
    EXPECT_EQ(policy.trace, TraceLevel::turns);
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
