// Partial checks say what all checks would: after any writes of L1's only the groups that look at a written
// field are run, and what is left to the processor is in vmcs02 for it to find.
#include <gtest/gtest.h>

#include <map>

#include "../../testing/merged.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr int rounds = 100'000;

struct Verdict {
    CheckResult failure{};
    VmInstructionError error = VmInstructionError::none;
};

Verdict of_all_checks(const Vmcs12& v, const Capabilities& offered, L1Mode mode) {
    if (const auto result = check_controls(v, offered); !result.passed())
        return {result, VmInstructionError::entry_invalid_control};
    if (const auto result = check_host_state(v, offered, mode); !result.passed())
        return {result, VmInstructionError::entry_invalid_host_state};
    return {};
}

Verdict of_changed_checks(Vmcs12& v, const Capabilities& offered, L1Mode mode) {
    Verdict verdict;
    if (Checker::check(v, offered, mode, verdict.failure, verdict.error)) return {};
    return verdict;
}

/// VMWRITE of a field that the checks look at, or not: of a value that another vmcs12 has, a wild or the good
/// one.
void write_some_field(Random& random, Vmcs12& v, const Vmcs12& good, const Capabilities& offered) {
    const Vmcs12 other = random_vmcs12(random, offered);
    for (;;) {
        const auto id = static_cast<FieldId>(random.below(field_count));
        if (!all_home12.has(id)) continue;
        const usize i = static_cast<usize>(id);
        switch (random.below(4)) {
            case 0: v.image[i] = other.image[i]; break;
            case 1: v.image[i] ^= u64{1} << random.below(64) & value_mask(row_of(id).encoding); break;
            default: v.image[i] = good.image[i]; break;
        }
        v.dirty.add(id);
        v.checked = false;
        return;
    }
}

TEST(PartialChecks, law_have_the_answer_of_all_checks_after_any_writes) {
    const Capabilities offered = offer(skylake(), Policy{});
    const Vmcs12 good = valid_vmcs12(offered);
    Random random{1};
    Vmcs12 v = good;
    v.dirty = all_home12;
    std::map<CheckId, int> seen;
    for (int round = 0; round < rounds; ++round) {
        for (u64 writes = random.below(4); writes > 0; --writes) write_some_field(random, v, good, offered);
        const L1Mode mode = random.below(8) == 0 ? L1Mode::legacy : L1Mode::ia32e;
        const Verdict expected = of_all_checks(v, offered, mode);
        const Verdict answer = of_changed_checks(v, offered, mode);
        ASSERT_EQ(answer.failure, expected.failure) << "round " << round;
        ASSERT_EQ(answer.error, expected.error) << "round " << round;
        ++seen[expected.failure.failed];
        if (expected.failure.passed()) v.dirty.clear();  // as the entry does
        if (!expected.failure.passed() && random.below(4) == 0) {
            v.image = good.image;
            v.dirty = all_home12;
            v.checked = false;
        }
    }
    EXPECT_GT(seen[CheckId::passed], rounds / 20);
    EXPECT_GT(seen.size(), 40u) << "many rules should be broken sometimes";
}

TEST(PartialChecks, law_what_is_left_to_the_processor_is_wrong_in_vmcs02_too) {
    const Capabilities host = skylake();
    const Capabilities offered = offer(host, Policy{});
    Random random{2};
    std::map<CheckId, int> left;
    for (int round = 0; round < rounds / 2; ++round) {
        Vmcs12 v = random_vmcs12(random, offered);
        v.set(field::tsc_multiplier, random.below(4));
        const CheckResult expected = of_all_checks(v, offered, L1Mode::ia32e).failure;
        CheckResult failure{};
        VmInstructionError error{};
        const auto proof = Checker::check_for_processor(v, offered, L1Mode::ia32e, failure, error);
        if (!proof) {
            ASSERT_FALSE(expected.passed()) << name_of(failure.failed);
            continue;
        }
        if (expected.passed()) continue;
        ++left[expected.failed];
        FakeVmcs vmcs02;
        Controls02 present{};
        v.dirty = all_home12;
        merge_same(*proof, vmcs02);
        merge_computed(*proof, host, l0s_places, vmcs02, present);
        Vmcs12 image{};
        for (usize i = 0; i < field_count; ++i) image.image[i] = vmcs02.peek(static_cast<FieldId>(i));
        ASSERT_EQ(name_of(check_controls(image, host).failed), name_of(expected.failed)) << "round " << round;
    }
    for (const CheckId id :
         {CheckId::cr3_target_count, CheckId::tpr_threshold_reserved, CheckId::nmi_exiting_for_virtual_nmis,
          CheckId::virtual_nmis_for_nmi_window, CheckId::tsc_multiplier_zero})
        EXPECT_GT(left[id], 0) << name_of(id);
    EXPECT_EQ(left.size(), 5u);
}

TEST(PartialChecks, all_checks_leave_no_mark) {
    const Capabilities offered = offer(skylake(), Policy{});
    Vmcs12 v = valid_vmcs12(offered);
    CheckResult failure{};
    VmInstructionError error{};
    ASSERT_TRUE(Checker::check_all(v, offered, L1Mode::ia32e, failure, error));
    EXPECT_FALSE(Checker::still_checked(v, L1Mode::ia32e));
    v.set(field::vpid, 0);  // behind L1's back: no field is dirty
    EXPECT_FALSE(Checker::check_all(v, offered, L1Mode::ia32e, failure, error));
    EXPECT_EQ(failure.failed, CheckId::vpid_zero);
}

}  // namespace
}  // namespace kurma::vmx
