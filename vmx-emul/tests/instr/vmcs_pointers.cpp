// VMCLEAR, VMPTRLD and VMPTRST (SDM 3C 31.3; launch states: 3C 25.1).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u64 a = FakeWorld::region_a, b = FakeWorld::region_b;
constexpr u32 revision = 0x2b;

InstrOutcome vmclear(FakeWorld& world, u64 pointer) {
    world.pointer_operand(pointer);
    return emulate_vmclear(world);
}
InstrOutcome vmptrld(FakeWorld& world, u64 pointer) {
    world.pointer_operand(pointer);
    return emulate_vmptrld(world);
}
u64 vmptrst(FakeWorld& world) {
    world.memory_operand(FakeWorld::operand_at);
    EXPECT_EQ(emulate_vmptrst(world), vm_succeed);
    return world.peek(FakeWorld::operand_at);
}

/// A world whose pages a and b carry the revision.
struct VmcsPointers : ::testing::Test {
    VmcsPointers() {
        world.poke(a, revision, 4);
        world.poke(b, revision, 4);
    }
    FakeWorld world;
};
using Vmclear = VmcsPointers;
using Vmptrld = VmcsPointers;
using Vmptrst = VmcsPointers;

TEST_F(Vmclear, misaligned_or_too_wide_pointer_fails_with_error_2) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        const u64 pointer = a ^ u64 { 1 } << bit;
        EXPECT_EQ(vmclear(world, pointer), vm_fail_invalid) << "bit " << bit;
    }
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        EXPECT_EQ(vmclear(world, a ^ u64{1} << bit), vm_fail_valid(2)) << "bit " << bit;
    }
    EXPECT_EQ(vmptrst(world), a);
}

TEST_F(Vmclear, of_the_vmxon_region_fails_with_error_3) {
    EXPECT_EQ(vmclear(world, FakeWorld::vmxon_region), vm_fail_invalid);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_EQ(vmclear(world, FakeWorld::vmxon_region), vm_fail_valid(3));
}

TEST_F(Vmclear, of_the_current_vmcs_leaves_none_current) {
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_EQ(vmclear(world, a), vm_succeed);
    EXPECT_EQ(world.nested().current, nullptr);
    EXPECT_EQ(vmptrst(world), ~u64{0});
    EXPECT_EQ(world.find_active(ept::L1Gpa{a}), nullptr);
}

TEST_F(Vmclear, of_another_vmcs_leaves_the_current_one_alone) {
    ASSERT_EQ(vmptrld(world, b), vm_succeed);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_EQ(vmclear(world, b), vm_succeed);
    EXPECT_EQ(vmptrst(world), a);
    EXPECT_EQ(world.find_active(ept::L1Gpa{b}), nullptr);
    EXPECT_NE(world.find_active(ept::L1Gpa{a}), nullptr);
}

TEST_F(Vmclear, makes_a_launched_vmcs_clear) {
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    world.nested().current->launched = true;
    ASSERT_EQ(vmclear(world, a), vm_succeed);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_FALSE(world.nested().current->launched);
}

TEST_F(Vmclear, makes_a_launched_vmcs_clear_that_is_not_active) {
    FakeWorld small{haswell(), 1};
    small.poke(a, revision, 4);
    small.poke(b, revision, 4);
    ASSERT_EQ(vmptrld(small, a), vm_succeed);
    small.nested().current->launched = true;
    ASSERT_EQ(vmptrld(small, b), vm_succeed) << "which has a written back, launched as it is";
    ASSERT_EQ(vmptrld(small, a), vm_succeed);
    EXPECT_TRUE(small.nested().current->launched);
    ASSERT_EQ(vmptrld(small, b), vm_succeed);
    ASSERT_EQ(vmclear(small, a), vm_succeed);
    ASSERT_EQ(vmptrld(small, a), vm_succeed);
    EXPECT_FALSE(small.nested().current->launched);
}

TEST_F(Vmclear, does_not_look_at_the_revision) {
    world.poke(a, 0x1234'5678, 4);
    EXPECT_EQ(vmclear(world, a), vm_succeed);
}

TEST_F(Vmptrld, makes_a_vmcs_current) {
    EXPECT_EQ(vmptrst(world), ~u64{0});
    EXPECT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_EQ(vmptrst(world), a);
    EXPECT_EQ(vmptrld(world, b), vm_succeed);
    EXPECT_EQ(vmptrst(world), b);
}

TEST_F(Vmptrld, finds_an_active_vmcs_again_as_it_was) {
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    Vmcs12* const before = world.nested().current;
    before->launched = true;
    before->set(field::host_rip, 0x1234);
    ASSERT_EQ(vmptrld(world, b), vm_succeed);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_EQ(world.nested().current, before);
    EXPECT_TRUE(before->launched);
    EXPECT_EQ(before->get(field::host_rip), 0x1234u);
}

TEST_F(Vmptrld, misaligned_or_too_wide_pointer_fails_with_error_9) {
    EXPECT_EQ(vmptrld(world, a | 1), vm_fail_invalid);
    ASSERT_EQ(vmptrld(world, b), vm_succeed);
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        EXPECT_EQ(vmptrld(world, a ^ u64{1} << bit), vm_fail_valid(9)) << "bit " << bit;
    }
    EXPECT_EQ(vmptrst(world), b);
}

TEST_F(Vmptrld, of_the_vmxon_region_fails_with_error_10) {
    EXPECT_EQ(vmptrld(world, FakeWorld::vmxon_region), vm_fail_invalid);
    ASSERT_EQ(vmptrld(world, b), vm_succeed);
    EXPECT_EQ(vmptrld(world, FakeWorld::vmxon_region), vm_fail_valid(10));
    EXPECT_EQ(vmptrst(world), b);
}

TEST_F(Vmptrld, takes_the_shadow_indicator_for_one_where_vmcs_shadowing_is_offered) {
    world.poke(a, revision | 1u << 31, 4);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_TRUE(world.nested().current->shadow);
    world.poke(a, revision, 4);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_FALSE(world.nested().current->shadow);
}

TEST_F(Vmptrld, takes_the_shadow_indicator_for_a_wrong_revision_where_vmcs_shadowing_is_not_offered) {
    Capabilities offered = world.offered();
    offered.secondary = offered.secondary.without(static_cast<u32>(Secondary::vmcs_shadowing));
    world.offer(offered);
    ASSERT_EQ(vmptrld(world, b), vm_succeed);
    world.poke(a, revision | 1u << 31, 4);
    EXPECT_EQ(vmptrld(world, a), vm_fail_valid(11));
}

TEST_F(Vmptrld, of_a_wrong_revision_fails_with_error_11) {
    ASSERT_EQ(vmptrld(world, b), vm_succeed);
    for (const u32 wrong : {0u, revision + 1, (revision + 1) | 1u << 31}) {
        world.poke(a, wrong, 4);
        EXPECT_EQ(vmptrld(world, a), vm_fail_valid(11)) << std::hex << wrong;
        EXPECT_EQ(vmptrst(world), b);
    }
    constexpr u64 beyond_memory = u64{1} << 32;
    EXPECT_EQ(vmptrld(world, beyond_memory), vm_fail_valid(11));
}

TEST_F(Vmptrld, looks_at_the_revision_of_an_active_vmcs_too) {
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    world.poke(a, 0, 4);
    EXPECT_EQ(vmptrld(world, a), vm_fail_valid(11));
}

// What L1 may change meanwhile must be read once (architecture, rule 2).
TEST_F(Vmptrld, reads_each_byte_of_its_operand_once) {
    world.pointer_operand(a);
    world.forget_reads();
    ASSERT_EQ(emulate_vmptrld(world), vm_succeed);
    for (u64 byte = 0; byte < 8; ++byte)
        EXPECT_EQ(world.reads_touching(FakeWorld::operand_at + byte), 1u) << byte;
}

TEST_F(Vmptrst, writes_64_bits_and_no_more) {
    world.poke(FakeWorld::operand_at - 8, 0x1111'1111'1111'1111);
    world.poke(FakeWorld::operand_at + 8, 0x2222'2222'2222'2222);
    ASSERT_EQ(vmptrld(world, a), vm_succeed);
    EXPECT_EQ(vmptrst(world), a);
    EXPECT_EQ(world.peek(FakeWorld::operand_at - 8), 0x1111'1111'1111'1111u);
    EXPECT_EQ(world.peek(FakeWorld::operand_at + 8), 0x2222'2222'2222'2222u);
}

TEST_F(Vmptrst, writes_64_bits_for_a_32_bit_l1_too) {
    world.become_32_bit();
    world.poke(FakeWorld::operand_at, 0x1111'1111'1111'1111);
    EXPECT_EQ(vmptrst(world), ~u64{0});
}

}  // namespace
}  // namespace kurma::vmx
