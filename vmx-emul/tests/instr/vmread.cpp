// VMREAD (SDM 3C 31.3).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u64 guest_efer = 0x2806, host_rip = 0x6c16, guest_rip = 0x681e, guest_cs_selector = 0x0802;
constexpr u64 guest_debugctl = 0x2802, guest_pat = 0x2804, guest_dr7 = 0x681a;

struct Vmread : ::testing::Test {
    Vmread() { world.make_current(); }

    /// VMREAD RBX, RCX.
    InstrOutcome to_register(u64 encoding) {
        world.operand({.register1 = gpr::rbx, .register2 = gpr::rcx});
        world.set_gpr(gpr::rcx, encoding);
        return emulate_vmread(world);
    }
    /// VMREAD [operand_at], RCX.
    InstrOutcome to_memory(u64 encoding, u64 address = FakeWorld::operand_at) {
        world.memory_operand(address, gpr::rcx);
        world.set_gpr(gpr::rcx, encoding);
        return emulate_vmread(world);
    }
    Vmcs12& current() { return *world.nested().current; }
    FakeVmcs& vmcs02() { return world.slot_of(current()).vmcs02; }

    FakeWorld world;
};

TEST_F(Vmread, reads_a_field_that_lives_in_the_image) {
    current().set(field::host_rip, 0xffff'ffff'8123'4567);
    EXPECT_EQ(to_register(host_rip), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0xffff'ffff'8123'4567u);
    EXPECT_TRUE(vmcs02().history().empty());
}

TEST_F(Vmread, reads_a_field_that_lives_in_vmcs02_by_one_access) {
    vmcs02().set(field::guest_rip, 0xffff'ffff'8123'4567);
    EXPECT_EQ(to_register(guest_rip), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0xffff'ffff'8123'4567u);
    EXPECT_EQ(vmcs02().reads(), 1u);
    EXPECT_EQ(vmcs02().writes(), 0u);
}

TEST_F(Vmread, extends_a_short_field_with_zeros) {
    vmcs02().set(field::guest_cs_selector, 0x10);
    world.set_gpr(gpr::rbx, ~u64{0});
    EXPECT_EQ(to_register(guest_cs_selector), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0x10u);
}

TEST_F(Vmread, reads_the_high_half_of_a_64_bit_field) {
    current().set(field::guest_efer, 0x1234'5678'9abc'def0);
    EXPECT_EQ(to_register(guest_efer | 1), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0x1234'5678u);
    EXPECT_EQ(to_register(guest_efer), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0x1234'5678'9abc'def0u);
}

TEST_F(Vmread, reads_exit_information_from_where_it_stands) {
    vmcs02().set(field::exit_reason, {10});
    EXPECT_EQ(to_register(0x4402), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 10u);
    current().exit_information_in_image = true;
    current().set(field::exit_reason, {48});
    EXPECT_EQ(to_register(0x4402), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 48u);
}

TEST_F(Vmread, reads_a_lazily_saved_field_from_vmcs02_by_one_access) {
    for (const auto& [id, encoding] : {std::pair{FieldId::guest_efer, guest_efer},
                                       {FieldId::guest_pat, guest_pat},
                                       {FieldId::guest_debugctl, guest_debugctl},
                                       {FieldId::guest_dr7, guest_dr7}}) {
        current().image[static_cast<usize>(id)] = 0x12;
        vmcs02().poke(id, 0x1234'5678'9abc'def0);
        EXPECT_EQ(to_register(encoding), vm_succeed);
        EXPECT_EQ(world.gpr(gpr::rbx), 0x12u) << row_of(id).name;
        vmcs02().forget_history();
        current().in_vmcs02.add(id);
        EXPECT_EQ(to_register(encoding), vm_succeed);
        EXPECT_EQ(world.gpr(gpr::rbx), 0x1234'5678'9abc'def0u) << row_of(id).name;
        EXPECT_EQ(vmcs02().reads(), 1u);
        EXPECT_EQ(vmcs02().writes(), 0u);
    }
}

TEST_F(Vmread, reads_the_high_half_of_a_lazily_saved_field) {
    current().in_vmcs02.add(FieldId::guest_efer);
    vmcs02().set(field::guest_efer, 0x1234'5678'9abc'def0);
    EXPECT_EQ(to_register(guest_efer | 1), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0x1234'5678u);
}

TEST_F(Vmread, works_with_every_register) {
    for (unsigned target = 0; target < 16; ++target) {
        for (unsigned source = 0; source < 16; ++source) {
            current().set(field::host_rip, 0x1000 + target * 16 + source);
            world.operand({.register1 = target, .register2 = source});
            world.set_gpr(source, host_rip);
            ASSERT_EQ(emulate_vmread(world), vm_succeed);
            EXPECT_EQ(world.gpr(target), 0x1000u + target * 16 + source);
        }
    }
}

TEST_F(Vmread, writes_64_bits_of_memory_and_no_more) {
    current().set(field::host_rip, 0x1122'3344'5566'7788);
    world.poke(FakeWorld::operand_at - 8, ~u64{0});
    world.poke(FakeWorld::operand_at + 8, ~u64{0});
    EXPECT_EQ(to_memory(host_rip), vm_succeed);
    EXPECT_EQ(world.peek(FakeWorld::operand_at), 0x1122'3344'5566'7788u);
    EXPECT_EQ(world.peek(FakeWorld::operand_at - 8), ~u64{0});
    EXPECT_EQ(world.peek(FakeWorld::operand_at + 8), ~u64{0});
}

TEST_F(Vmread, of_what_is_no_field_fails_with_error_12) {
    for (const u64 encoding : {u64{0x6c18}, u64{0x681f}, u64{0x4403}, u64{0x1000}, u64{0x8000},
                               host_rip | u64{1} << 32, host_rip | u64{1} << 63, ~u64{0}}) {
        world.set_gpr(gpr::rbx, 0x77);
        EXPECT_EQ(to_register(encoding), vm_fail_valid(12)) << std::hex << encoding;
        EXPECT_EQ(world.gpr(gpr::rbx), 0x77u);
        const auto memory = world.contents();
        EXPECT_EQ(to_memory(encoding), vm_fail_valid(12));
        EXPECT_EQ(world.contents(), memory);
    }
}

TEST_F(Vmread, of_a_field_whose_feature_is_hidden_fails_with_error_12) {
    constexpr u64 eptp = 0x201a, vpid = 0x0000, guest_physical_address = 0x2400;
    EXPECT_EQ(to_register(eptp), vm_succeed);
    EXPECT_EQ(to_register(vpid), vm_succeed);
    world.offer(offer(haswell(), {.offer_ept = false, .offer_vpid = false}));
    EXPECT_EQ(to_register(eptp), vm_fail_valid(12));
    EXPECT_EQ(to_register(eptp | 1), vm_fail_valid(12));
    EXPECT_EQ(to_register(guest_physical_address), vm_fail_valid(12));
    EXPECT_EQ(to_register(vpid), vm_fail_valid(12));
    EXPECT_EQ(to_register(host_rip), vm_succeed);
}

// Outside of 64-bit mode both operands have 32 bits (SDM 3C 31.3, VMREAD).
TEST_F(Vmread, has_32_bit_operands_for_a_32_bit_l1) {
    world.become_32_bit();
    current().set(field::guest_efer, 0x1234'5678'9abc'def0);
    EXPECT_EQ(to_register(guest_efer | u64{1} << 40), vm_succeed) << "only 32 bits name the field";
    EXPECT_EQ(world.gpr(gpr::rbx), 0x9abc'def0u);
    EXPECT_EQ(to_register(guest_efer | 1), vm_succeed);
    EXPECT_EQ(world.gpr(gpr::rbx), 0x1234'5678u);
    world.poke(FakeWorld::operand_at, ~u64{0});
    EXPECT_EQ(to_memory(guest_efer), vm_succeed);
    EXPECT_EQ(world.peek(FakeWorld::operand_at), 0xffff'ffff'9abc'def0u);
}

}  // namespace
}  // namespace kurma::vmx
