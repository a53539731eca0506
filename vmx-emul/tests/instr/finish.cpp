// How an outcome becomes visible to L1: flags, error number, RIP, interruptibility, or a fault (SDM 3C 31.2).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u64 cf = 1u << 0, pf = 1u << 2, af = 1u << 4, zf = 1u << 6, sf = 1u << 7, of = 1u << 11;
constexpr u64 six = cf | pf | af | zf | sf | of;
constexpr u64 others = 0x2 | 1u << 8 | 1u << 9 | 1u << 10 | 3u << 12 | 1u << 14 | 1u << 18 | 1u << 21;

struct Finish : ::testing::Test {
    Finish() { world.make_current(); }

    u64 flags_after(const InstrOutcome& outcome, u64 before) {
        world.vmcs01().set(field::guest_rflags, before);
        finish(world, outcome);
        return world.vmcs01().get(field::guest_rflags);
    }
    FakeWorld world;
};

TEST_F(Finish, success_clears_the_six_flags_and_leaves_the_others) {
    EXPECT_EQ(flags_after(vm_succeed, others | six), others);
    EXPECT_EQ(flags_after(vm_succeed, 2), 2u);
}

TEST_F(Finish, fail_invalid_sets_cf_alone) {
    EXPECT_EQ(flags_after(vm_fail_invalid, others | six), others | cf);
    EXPECT_EQ(flags_after(vm_fail_invalid, 2), 2u | cf);
}

TEST_F(Finish, fail_valid_sets_zf_alone_and_the_error_number) {
    EXPECT_EQ(flags_after(vm_fail_valid(12), others | six), others | zf);
    EXPECT_EQ(world.nested().current->get(field::vm_instruction_error), 12u);
    EXPECT_EQ(flags_after(vm_fail_valid(28), 2), 2u | zf);
    EXPECT_EQ(world.nested().current->get(field::vm_instruction_error), 28u);
}

TEST_F(Finish, only_fail_valid_touches_the_error_number) {
    world.nested().current->set(field::vm_instruction_error, 7);
    finish(world, vm_succeed);
    finish(world, vm_fail_invalid);
    finish(world, raises_gp);
    EXPECT_EQ(world.nested().current->get(field::vm_instruction_error), 7u);
}

TEST_F(Finish, moves_past_the_instruction) {
    for (const InstrOutcome& outcome : {vm_succeed, vm_fail_invalid, vm_fail_valid(2)}) {
        world.vmcs01().set(field::guest_rip, 0xffff'ffff'8000'1000);
        world.vmcs01().set(field::exit_instruction_length, 5);
        finish(world, outcome);
        EXPECT_EQ(world.vmcs01().get(field::guest_rip), 0xffff'ffff'8000'1005u);
    }
}

TEST_F(Finish, ends_blocking_by_sti_and_mov_ss_and_no_other) {
    for (u32 blocking = 0; blocking < 16; ++blocking) {
        world.vmcs01().set(field::guest_interruptibility, blocking);
        finish(world, vm_succeed);
        constexpr u32 by_sti_or_mov_ss = 3;
        EXPECT_EQ(world.vmcs01().get(field::guest_interruptibility), blocking & ~by_sti_or_mov_ss);
    }
}

TEST_F(Finish, a_fault_is_injected_where_the_instruction_stands) {
    world.vmcs01().set(field::guest_interruptibility, 1);
    finish(world, raises_gp);
    EXPECT_EQ(world.vmcs01().get(field::entry_interruption_info).raw, 0x8000'0b0du);
    EXPECT_TRUE(world.vmcs01().wrote(FieldId::entry_exception_error_code));
    EXPECT_EQ(world.vmcs01().get(field::entry_exception_error_code), 0u);
    EXPECT_EQ(world.vmcs01().get(field::guest_rip), FakeWorld::rip);
    constexpr u64 resume_flag = 1u << 16;
    EXPECT_EQ(world.vmcs01().get(field::guest_rflags), FakeWorld::rflags | resume_flag);
    EXPECT_EQ(world.vmcs01().get(field::guest_interruptibility), 1u);
    EXPECT_FALSE(world.cr2());
}

TEST_F(Finish, an_invalid_opcode_has_no_error_code) {
    finish(world, raises_ud);
    EXPECT_EQ(world.vmcs01().get(field::entry_interruption_info).raw, 0x8000'0306u);
    EXPECT_FALSE(world.vmcs01().wrote(FieldId::entry_exception_error_code));
}

TEST_F(Finish, a_page_fault_sets_cr2_and_the_error_code) {
    finish(world, raises(14, 3, 0xffff'8000'0000'1234));
    EXPECT_EQ(world.cr2(), 0xffff'8000'0000'1234u);
    EXPECT_EQ(world.vmcs01().get(field::entry_interruption_info).raw, 0x8000'0b0eu);
    EXPECT_EQ(world.vmcs01().get(field::entry_exception_error_code), 3u);
}

// What one VMREAD of L1's costs L0 at least: nothing is written that need not be.
TEST_F(Finish, writes_rip_alone_when_the_flags_are_clear_already) {
    world.vmcs01().set(field::guest_rflags, 2);
    finish(world, vm_succeed);
    EXPECT_EQ(world.vmcs01().writes(), 1u);
    EXPECT_EQ(world.vmcs01().writes_of(FieldId::guest_rip), 1u);
}

// SDM 3A 17.3.1.4: the trap of a single step comes after the instruction; SDM table 25-4: BS is bit 14.
TEST_F(Finish, makes_the_trap_of_a_single_step_pending) {
    constexpr u64 tf = 1u << 8, bs = 1u << 14;
    flags_after(vm_succeed, 2);
    EXPECT_EQ(world.vmcs01().get(field::guest_pending_debug_exceptions), 0u);
    flags_after(vm_succeed, 2 | tf);
    EXPECT_EQ(world.vmcs01().get(field::guest_pending_debug_exceptions), bs);
}

TEST_F(Finish, traps_no_step_where_only_branches_trap) {
    constexpr u64 tf = 1u << 8, btf = 1u << 1;
    world.vmcs01().set(field::guest_debugctl, btf);
    flags_after(vm_succeed, 2 | tf);
    EXPECT_EQ(world.vmcs01().get(field::guest_pending_debug_exceptions), 0u);
}

TEST_F(Finish, lets_a_32_bit_instruction_pointer_wrap_and_a_64_bit_one_not) {
    world.vmcs01().set(field::guest_rip, 0xffff'fffe);
    world.vmcs01().set(field::exit_instruction_length, 3);
    finish(world, vm_succeed);
    EXPECT_EQ(world.vmcs01().get(field::guest_rip), 0x1'0000'0001u);
    world.become_32_bit();
    world.vmcs01().set(field::guest_rip, 0xffff'fffe);
    finish(world, vm_succeed);
    EXPECT_EQ(world.vmcs01().get(field::guest_rip), 1u);
}

}  // namespace
}  // namespace kurma::vmx
