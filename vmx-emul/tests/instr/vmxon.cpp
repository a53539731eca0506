// VMXON (SDM 3C 31.3).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

/// L1 is about to execute VMXON with everything in order.
struct Vmxon : ::testing::Test {
    Vmxon() {
        world.nested().in_vmx_operation = false;
        world.nested().vmxon_pointer = ~u64{0};
        world.pointer_operand(FakeWorld::vmxon_region);
    }
    FakeWorld world;
};

TEST_F(Vmxon, enters_vmx_operation_without_a_current_vmcs) {
    EXPECT_EQ(emulate_vmxon(world), vm_succeed);
    EXPECT_TRUE(world.nested().in_vmx_operation);
    EXPECT_EQ(world.nested().vmxon_pointer, FakeWorld::vmxon_region);
    EXPECT_EQ(world.nested().current, nullptr);
}

TEST_F(Vmxon, is_an_invalid_opcode_without_cr4_vmxe) {
    world.set_cr4(0x20);
    EXPECT_EQ(emulate_vmxon(world), raises_ud);
    world.set_cpl(3);
    EXPECT_EQ(emulate_vmxon(world), raises_ud) << "before the privilege is looked at";
    EXPECT_FALSE(world.nested().in_vmx_operation);
}

TEST_F(Vmxon, needs_cpl_0) {
    for (u32 cpl = 1; cpl <= 3; ++cpl) {
        world.set_cpl(cpl);
        EXPECT_EQ(emulate_vmxon(world), raises_gp);
    }
}

TEST_F(Vmxon, needs_control_registers_that_vmx_operation_allows) {
    const u64 good = world.cr0_of_l1();
    for (const u64 cr0 : {good & ~u64{1}, good & ~u64{1u << 5}, good & ~u64{1u << 31}, good | u64{1} << 32}) {
        world.set_cr0(cr0);
        EXPECT_EQ(emulate_vmxon(world), raises_gp) << std::hex << cr0;
    }
    world.set_cr0(good);
    constexpr u64 undefined = 1u << 15;
    world.set_cr4(world.cr4_of_l1() | undefined);
    EXPECT_EQ(emulate_vmxon(world), raises_gp);
}

// SDM 3C 24.7: the lock bit, and the bit that allows VMXON outside of SMX.
TEST_F(Vmxon, needs_the_feature_control_msr_locked_with_vmx_on) {
    for (u64 value = 0; value < 8; ++value) {
        world.nested() = NestedState{.feature_control = value};
        const bool allowed = (value & 1) != 0 && (value & 4) != 0;
        EXPECT_EQ(emulate_vmxon(world), allowed ? vm_succeed : raises_gp) << value;
    }
}

TEST_F(Vmxon, fails_invalid_for_a_region_that_is_not_a_page_of_memory) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        world.pointer_operand(FakeWorld::vmxon_region | u64{1} << bit);
        EXPECT_EQ(emulate_vmxon(world), vm_fail_invalid) << "bit " << bit;
    }
    EXPECT_FALSE(world.nested().in_vmx_operation);
}

TEST_F(Vmxon, fails_invalid_for_a_wrong_revision) {
    for (const u32 revision : {0u, 0x2au, 0x8000'002bu}) {
        world.poke(FakeWorld::vmxon_region, revision, 4);
        EXPECT_EQ(emulate_vmxon(world), vm_fail_invalid) << std::hex << revision;
    }
    constexpr u64 beyond_memory = u64{1} << 32;
    world.pointer_operand(beyond_memory);
    EXPECT_EQ(emulate_vmxon(world), vm_fail_invalid);
}

TEST_F(Vmxon, in_root_operation_fails_with_error_15) {
    ASSERT_EQ(emulate_vmxon(world), vm_succeed);
    EXPECT_EQ(emulate_vmxon(world), vm_fail_invalid) << "there is no VMCS to put the number into";
    world.make_current();
    EXPECT_EQ(emulate_vmxon(world), vm_fail_valid(15));
    EXPECT_NE(world.nested().current, nullptr);
    world.set_cpl(3);
    EXPECT_EQ(emulate_vmxon(world), raises_gp) << "the privilege comes first";
}

}  // namespace
}  // namespace kurma::vmx
