// What every VMX instruction asks before all else (the Operation sections of SDM 3C 31.3).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

struct Instruction {
    const char* name;
    InstrOutcome (*emulate)(FakeWorld&);
};

/// All but VMXON, which asks for the opposite.
const Instruction instructions[]{
    {"VMREAD", emulate_vmread<FakeWorld>},
    {"VMWRITE", emulate_vmwrite<FakeWorld>},
    {"VMXOFF", emulate_vmxoff<FakeWorld>},
    {"VMCLEAR", emulate_vmclear<FakeWorld>},
    {"VMPTRLD", emulate_vmptrld<FakeWorld>},
    {"VMPTRST", emulate_vmptrst<FakeWorld>},
    {"VMLAUNCH", [](FakeWorld& w) { return emulate_vm_entry(w, Reason::vmlaunch); }},
    {"VMRESUME", [](FakeWorld& w) { return emulate_vm_entry(w, Reason::vmresume); }},
    {"INVEPT", emulate_invept<FakeWorld>},
    {"INVVPID", emulate_invvpid<FakeWorld>},
    {"VMCALL", emulate_vmcall<FakeWorld>},
};

/// A refused instruction leaves no trace: neither in memory nor in what L0 keeps.
void expect_untouched(FakeWorld& world, const std::vector<u8>& memory, const NestedState& before) {
    EXPECT_EQ(world.contents(), memory);
    EXPECT_EQ(world.nested().current, before.current);
    EXPECT_EQ(world.nested().vmxon_pointer, before.vmxon_pointer);
    EXPECT_EQ(world.nested().in_vmx_operation, before.in_vmx_operation);
    EXPECT_TRUE(world.nothing_dropped());
    EXPECT_EQ(world.vmcs01().writes(), 0u);
    EXPECT_TRUE(world.reads().empty()) << "L1's memory was read";
}

TEST(Admission, outside_of_vmx_operation_each_is_an_invalid_opcode) {
    for (const Instruction& instruction : instructions) {
        FakeWorld world;
        world.memory_operand(FakeWorld::operand_at);
        world.nested().in_vmx_operation = false;
        const auto memory = world.contents();
        const NestedState before = world.nested();
        EXPECT_EQ(instruction.emulate(world), raises_ud) << instruction.name;
        expect_untouched(world, memory, before);
    }
}

TEST(Admission, at_any_cpl_but_0_each_is_a_general_protection_fault) {
    for (const Instruction& instruction : instructions) {
        for (u32 cpl = 1; cpl <= 3; ++cpl) {
            FakeWorld world;
            world.make_current();
            world.memory_operand(FakeWorld::operand_at);
            world.set_cpl(cpl);
            const auto memory = world.contents();
            const NestedState before = world.nested();
            EXPECT_EQ(instruction.emulate(world), raises_gp) << instruction.name << " at CPL " << cpl;
            expect_untouched(world, memory, before);
        }
    }
}

TEST(Admission, the_invalid_opcode_comes_before_the_privilege) {
    for (const Instruction& instruction : instructions) {
        FakeWorld world;
        world.memory_operand(FakeWorld::operand_at);
        world.nested().in_vmx_operation = false;
        world.set_cpl(3);
        EXPECT_EQ(instruction.emulate(world), raises_ud) << instruction.name;
    }
}

// SDM 3C 31.2: without a current VMCS a failure has no number.
TEST(Admission, without_a_current_vmcs_those_that_need_one_fail_invalid) {
    for (const Instruction& instruction : instructions) {
        const std::string name = instruction.name;
        if (name != "VMREAD" && name != "VMWRITE" && name != "VMLAUNCH" && name != "VMRESUME" &&
            name != "VMCALL")
            continue;
        FakeWorld world;
        world.memory_operand(FakeWorld::operand_at);
        EXPECT_EQ(instruction.emulate(world), vm_fail_invalid) << name;
    }
}

TEST(Vmcall, of_an_l1_in_root_operation_fails_with_error_1) {
    FakeWorld world;
    world.make_current();
    EXPECT_EQ(emulate_vmcall(world), vm_fail_valid(1));
}

TEST(Vmxoff, leaves_vmx_operation_without_a_current_vmcs) {
    FakeWorld world;
    world.make_current();
    EXPECT_EQ(emulate_vmxoff(world), vm_succeed);
    EXPECT_FALSE(world.nested().in_vmx_operation);
    EXPECT_EQ(world.nested().vmxon_pointer, ~u64{0});
    EXPECT_EQ(world.nested().current, nullptr);
    EXPECT_EQ(emulate_vmxoff(world), raises_ud) << "a second one is outside of VMX operation";
}

}  // namespace
}  // namespace kurma::vmx
