// Who makes the proof that a vmcs12 passed, and when it is made anew.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>
#include <vmx/check.hpp>

#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

const Capabilities offered = offer(testing::haswell(), Policy{});

struct Answer {
    std::optional<CheckedVmcs12> proof;
    CheckResult failure{};
    VmInstructionError error = VmInstructionError::none;
};

Answer check(Vmcs12& v, L1Mode mode = L1Mode::ia32e) {
    Answer answer;
    answer.proof = Checker::check(v, offered, mode, answer.failure, answer.error);
    return answer;
}

static_assert(!std::is_default_constructible_v<CheckedVmcs12>);
static_assert(!std::is_constructible_v<CheckedVmcs12, const Vmcs12&>, "only the checker makes a proof");

TEST(Checker, gives_a_proof_of_the_very_vmcs12) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    const Answer answer = check(v);
    ASSERT_TRUE(answer.proof);
    EXPECT_EQ(&answer.proof->get(), &v);
    EXPECT_TRUE(v.checked);
}

// SDM 3C 27.2: error 7 for a control field, error 8 for a host-state field.
TEST(Checker, tells_an_invalid_control_from_an_invalid_host_state) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.set(field::vpid, 0);
    const Answer control = check(v);
    EXPECT_FALSE(control.proof);
    EXPECT_EQ(control.failure.failed, CheckId::vpid_zero);
    EXPECT_EQ(static_cast<int>(control.error), 7);
    EXPECT_FALSE(v.checked);

    v.set(field::vpid, 1);
    v.set(field::host_cs_selector, 0);
    const Answer host = check(v);
    EXPECT_FALSE(host.proof);
    EXPECT_EQ(host.failure.failed, CheckId::host_cs_null);
    EXPECT_EQ(static_cast<int>(host.error), 8);
    EXPECT_FALSE(v.checked);
}

TEST(Checker, reports_a_control_before_a_host_state) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.set(field::vpid, 0);
    v.set(field::host_cs_selector, 0);
    EXPECT_EQ(static_cast<int>(check(v).error), 7);
}

TEST(Checker, looks_at_l1s_mode) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    const Answer answer = check(v, L1Mode::legacy);
    EXPECT_FALSE(answer.proof);
    EXPECT_EQ(answer.failure.failed, CheckId::host_size_matches_mode);
}

// VMWRITE takes the mark away (tests/instr/vmwrite.cpp); here the image changes behind its back.
TEST(Checker, does_not_check_again_what_carries_the_mark) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    ASSERT_TRUE(check(v).proof);
    v.set(field::vpid, 0);
    EXPECT_TRUE(check(v).proof);
    v.checked = v.others_checked = false;
    EXPECT_FALSE(check(v).proof);
}

TEST(Checker, looks_again_at_what_l1_has_written_and_at_nothing_else) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    ASSERT_TRUE(check(v).proof);
    v.set(field::vpid, 0);
    v.dirty.add(FieldId::exception_bitmap);
    v.checked = false;
    EXPECT_TRUE(check(v).proof) << "no rule looks at the exception bitmap";
    v.dirty.add(FieldId::vpid);
    v.checked = false;
    EXPECT_EQ(check(v).failure.failed, CheckId::vpid_zero);
    EXPECT_EQ(check(v).failure.failed, CheckId::vpid_zero) << "and again until it is right";
}

TEST(Checker, checks_again_when_l1_has_changed_its_mode) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    ASSERT_TRUE(check(v).proof);
    EXPECT_EQ(check(v, L1Mode::legacy).failure.failed, CheckId::host_size_matches_mode);
}

TEST(Checker, vouches_for_what_it_is_told_has_passed) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    ASSERT_TRUE(check(v).proof);
    ASSERT_TRUE(v.checked_in(L1Mode::ia32e));
    EXPECT_EQ(&Checker::passed(v).get(), &v);
}

TEST(CheckId, each_has_a_name_and_a_rule_of_its_own) {
    std::set<std::string> names, rules;
    usize count = 0;
#define C(name, what)                                  \
    names.insert(name_of(CheckId::name));              \
    rules.insert(rule_of(CheckId::name));              \
    EXPECT_STREQ(name_of(CheckId::name), #name);       \
    EXPECT_STRNE(rule_of(CheckId::name), "") << #name; \
    ++count;
#include <vmx/checks.def>
#undef C
    EXPECT_EQ(names.size(), count);
    EXPECT_EQ(rules.size(), count);
    EXPECT_STREQ(name_of(CheckId::passed), "passed");
}

}  // namespace
}  // namespace kurma::vmx
