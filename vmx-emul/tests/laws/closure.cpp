// Closure: a vmcs12 that passes the checks with what L1 is offered merges to a vmcs02 that passes them with
// what the processor has.
#include <gtest/gtest.h>

#include "../../testing/merged.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr int rounds = 20'000;

/// SDM 3D A.3: bits that must be 1 are, and no others are than may be.
void expect_allowed(u32 word, AllowedSettings allowed, const char* name, int round) {
    const u32 must = static_cast<u32>(allowed.raw), may = static_cast<u32>(allowed.raw >> 32);
    EXPECT_EQ(word & must, must) << name << ", round " << round;
    EXPECT_EQ(word & ~may, 0u) << name << ", round " << round;
}

/// Values for the fields of features that few processors have: most are good.
void set_features(Random& random, Vmcs12& v) {
    using namespace field;
    const auto page = [&] {
        return random.below(u64{1} << 28) << 12 | static_cast<u64>(random.below(32) == 0);
    };
    v.set(pml_address, page());
    v.set(eptp_list_address, page());
    v.set(vmread_bitmap, page());
    v.set(vmwrite_bitmap, page());
    v.set(ve_information_address, page());
    v.set(vm_function_controls, random.below(8) == 0 ? 2 : random.below(2));
    v.set(tsc_multiplier, random.below(8) == 0 ? 0 : random.word());
}

void hold_on(const Capabilities& host, const Policy& policy, u64 seed) {
    const Capabilities offered = offer(host, policy);
    Random random{seed};
    int passed = 0;
    u32 seen = 0;
    for (int round = 0; round < rounds; ++round) {
        Vmcs12 v = random_vmcs12(random, offered);
        set_features(random, v);
        const auto vmcs02 = merged(v, offered, host);
        if (!vmcs02) continue;
        ++passed;
        seen |= v.secondary().raw;
        expect_allowed(vmcs02->get(field::pin_controls).raw, host.true_pin, "pin", round);
        expect_allowed(vmcs02->get(field::primary_controls).raw, host.true_primary, "primary", round);
        expect_allowed(vmcs02->get(field::secondary_controls).raw, host.secondary, "secondary", round);
        expect_allowed(vmcs02->get(field::exit_controls).raw, host.true_exit, "exit", round);
        expect_allowed(vmcs02->get(field::entry_controls).raw, host.true_entry, "entry", round);
        Vmcs12 image{};
        for (usize i = 0; i < field_count; ++i) image.image[i] = vmcs02->peek(static_cast<FieldId>(i));
        ASSERT_EQ(check_controls(image, host), CheckResult{}) << "round " << round;
    }
    EXPECT_EQ(seen, offered.secondary.may_be_one()) << "each control that is offered should pass sometimes";
    EXPECT_GT(passed, rounds / 100) << "too few passed for the law to mean anything";
    EXPECT_LT(passed, rounds) << "the random vmcs12 should sometimes be refused";
}

TEST(Closure, holds_on_haswell) { hold_on(haswell(), Policy{}, 1); }
TEST(Closure, holds_on_sandy_bridge) { hold_on(sandy_bridge(), Policy{}, 2); }
TEST(Closure, holds_on_skylake) { hold_on(skylake(), Policy{}, 6); }
TEST(Closure, holds_on_a_processor_with_everything) { hold_on(everything(), Policy{}, 3); }
TEST(Closure, holds_without_ept_for_l1) { hold_on(haswell(), {.offer_ept = false}, 4); }
TEST(Closure, holds_without_vpid_for_l1) { hold_on(haswell(), {.offer_vpid = false}, 5); }

}  // namespace
}  // namespace kurma::vmx
