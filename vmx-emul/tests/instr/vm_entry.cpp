// VMLAUNCH and VMRESUME up to the checks of VM entry (SDM 3C 27.1).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u32 blocking_by_sti = 1u << 0, blocking_by_mov_ss = 1u << 1;

struct VmEntry : ::testing::Test {
    VmEntry() { world.make_current(); }
    InstrOutcome launch() { return emulate_vm_entry(world, Reason::vmlaunch); }
    InstrOutcome resume() { return emulate_vm_entry(world, Reason::vmresume); }
    FakeWorld world;
};

TEST_F(VmEntry, a_clear_vmcs_is_launched_and_a_launched_one_resumed) {
    EXPECT_EQ(launch(), enter_l2);
    EXPECT_EQ(resume(), vm_fail_valid(5));
    world.nested().current->launched = true;
    EXPECT_EQ(launch(), vm_fail_valid(4));
    EXPECT_EQ(resume(), enter_l2);
}

TEST_F(VmEntry, blocking_by_mov_ss_fails_with_error_26_before_the_launch_state_is_looked_at) {
    world.vmcs01().set(field::guest_interruptibility, blocking_by_mov_ss);
    EXPECT_EQ(launch(), vm_fail_valid(26));
    EXPECT_EQ(resume(), vm_fail_valid(26));
}

TEST_F(VmEntry, a_shadow_vmcs_cannot_be_entered) {
    world.nested().current->shadow = true;
    EXPECT_EQ(launch(), vm_fail_invalid);
    world.vmcs01().set(field::guest_interruptibility, blocking_by_mov_ss);
    EXPECT_EQ(resume(), vm_fail_invalid) << "whether there is a VMCS to enter comes first";
}

TEST_F(VmEntry, blocking_by_sti_does_not_stand_in_the_way) {
    world.vmcs01().set(field::guest_interruptibility, blocking_by_sti);
    EXPECT_EQ(launch(), enter_l2);
}

TEST_F(VmEntry, remembers_how_l1_was_interruptible) {
    for (const u32 blocking : {0u, blocking_by_sti, 1u << 3, blocking_by_mov_ss}) {
        world.vmcs01().set(field::guest_interruptibility, blocking);
        (void)launch();
        EXPECT_EQ(world.nested().interruptibility_at_entry, blocking);
    }
}

TEST_F(VmEntry, changes_nothing_by_itself) {
    ASSERT_EQ(launch(), enter_l2);
    EXPECT_FALSE(world.nested().current->launched);
    EXPECT_EQ(world.vmcs01().writes(), 0u);
    EXPECT_TRUE(world.slot_of(*world.nested().current).vmcs02.history().empty());
}

}  // namespace
}  // namespace kurma::vmx
