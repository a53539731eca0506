// VMWRITE (SDM 3C 31.3; access to halves of fields: 3C 25.11.2).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u64 guest_efer = 0x2806, host_rip = 0x6c16, guest_rip = 0x681e, vpid = 0x0000, pdpte0 = 0x280a;
constexpr u64 guest_debugctl = 0x2802, guest_pat = 0x2804, guest_dr7 = 0x681a;

struct Vmwrite : ::testing::Test {
    Vmwrite() {
        world.make_current();
        forget_changes();
    }
    /// As an entry leaves it.
    void forget_changes() {
        current().dirty.clear();
        current().changed = false;
        current().checked = true;
    }

    /// VMWRITE RCX, RBX.
    InstrOutcome from_register(u64 encoding, u64 value) {
        world.operand({.register1 = gpr::rbx, .register2 = gpr::rcx});
        world.set_gpr(gpr::rcx, encoding);
        world.set_gpr(gpr::rbx, value);
        return emulate_vmwrite(world);
    }
    /// VMWRITE RCX, [operand_at].
    InstrOutcome from_memory(u64 encoding, u64 value) {
        world.poke(FakeWorld::operand_at, value);
        world.memory_operand(FakeWorld::operand_at, gpr::rcx);
        world.set_gpr(gpr::rcx, encoding);
        return emulate_vmwrite(world);
    }
    Vmcs12& current() { return *world.nested().current; }
    FakeVmcs& vmcs02() { return world.slot_of(current()).vmcs02; }

    FakeWorld world;
};

TEST_F(Vmwrite, writes_a_field_that_lives_in_the_image) {
    EXPECT_EQ(from_register(host_rip, 0xffff'ffff'8123'4567), vm_succeed);
    EXPECT_EQ(current().get(field::host_rip), 0xffff'ffff'8123'4567u);
    EXPECT_EQ(from_memory(host_rip, 0x1122'3344'5566'7788), vm_succeed);
    EXPECT_EQ(current().get(field::host_rip), 0x1122'3344'5566'7788u);
    EXPECT_TRUE(vmcs02().history().empty());
}

TEST_F(Vmwrite, writes_a_field_that_lives_in_vmcs02_by_one_access) {
    EXPECT_EQ(from_register(guest_rip, 0xffff'ffff'8123'4567), vm_succeed);
    EXPECT_EQ(vmcs02().get(field::guest_rip), 0xffff'ffff'8123'4567u);
    EXPECT_EQ(vmcs02().writes(), 1u);
    EXPECT_EQ(vmcs02().reads(), 0u);
}

TEST_F(Vmwrite, drops_the_bits_that_the_field_does_not_have) {
    EXPECT_EQ(from_register(vpid, 0x1234'5678'9abc'def0), vm_succeed);
    EXPECT_EQ(current().get(field::vpid), 0xdef0);
    EXPECT_EQ(from_register(0x4004, 0x1234'5678'9abc'def0), vm_succeed);
    EXPECT_EQ(current().get(field::exception_bitmap), 0x9abc'def0u);
    EXPECT_EQ(from_register(0x0802, 0x1234'5678'9abc'def0), vm_succeed);
    EXPECT_EQ(vmcs02().get(field::guest_cs_selector), 0xdef0);
}

TEST_F(Vmwrite, writes_one_half_and_keeps_the_other) {
    for (const u64 encoding : {guest_efer, pdpte0}) {
        const FieldId id = find_field(encoding).id;
        const auto value = [&] {
            return row_of(id).home == Home::vmcs12 ? current().image[static_cast<usize>(id)]
                                                   : vmcs02().peek(id);
        };
        ASSERT_EQ(from_register(encoding, 0x1111'1111'2222'2222), vm_succeed);
        ASSERT_EQ(from_register(encoding | 1, 0xaaaa'aaaa'3333'3333), vm_succeed);
        EXPECT_EQ(value(), 0x3333'3333'2222'2222u);
    }
}

// SDM 3C 25.11.2: a full access outside of 64-bit mode clears bits 63:32.
TEST_F(Vmwrite, of_a_32_bit_l1_clears_the_high_half) {
    world.become_32_bit();
    for (const u64 encoding : {guest_efer, pdpte0}) {
        const FieldId id = find_field(encoding).id;
        const auto value = [&] {
            return row_of(id).home == Home::vmcs12 ? current().image[static_cast<usize>(id)]
                                                   : vmcs02().peek(id);
        };
        ASSERT_EQ(from_register(encoding | 1, 0x1111'1111), vm_succeed);
        ASSERT_EQ(value() >> 32, 0x1111'1111u);
        ASSERT_EQ(from_register(encoding, 0xaaaa'aaaa'2222'2222), vm_succeed);
        EXPECT_EQ(value(), 0x2222'2222u);
    }
    EXPECT_EQ(from_memory(host_rip, 0xaaaa'aaaa'2222'2222), vm_succeed);
    EXPECT_EQ(current().get(field::host_rip), 0x2222'2222u);
}

TEST_F(Vmwrite, to_what_is_no_field_fails_with_error_12) {
    for (const u64 encoding : {u64{0x6c18}, u64{0x681f}, u64{0x1000}, host_rip | u64{1} << 32, ~u64{0}}) {
        EXPECT_EQ(from_register(encoding, 1), vm_fail_valid(12)) << std::hex << encoding;
        EXPECT_EQ(from_memory(encoding, 1), vm_fail_valid(12)) << std::hex << encoding;
    }
    EXPECT_TRUE(current().dirty.empty());
    EXPECT_TRUE(vmcs02().history().empty());
}

TEST_F(Vmwrite, to_a_field_whose_feature_is_hidden_fails_with_error_12) {
    EXPECT_EQ(from_register(0x201a, 0x701e), vm_succeed);
    world.offer(offer(haswell(), {.offer_ept = false}));
    EXPECT_EQ(from_register(0x201a, 0x801e), vm_fail_valid(12));
    EXPECT_EQ(current().get(field::eptp).bits(), 0x701eu);
}

TEST_F(Vmwrite, to_exit_information_fails_with_error_13_unless_the_processor_takes_it) {
    world.offer(sandy_bridge());
    for (const u64 encoding : {u64{0x4400}, u64{0x4402}, u64{0x6400}, u64{0x2400}, u64{0x640a}})
        EXPECT_EQ(from_register(encoding, 5), vm_fail_valid(13)) << std::hex << encoding;
    EXPECT_TRUE(vmcs02().history().empty());
    EXPECT_FALSE(current().exit_information_in_image);
}

// SDM 3D A.6, bit 29: L1 is offered it only where the processor has it, so the field's home takes the write.
TEST_F(Vmwrite, to_exit_information_reaches_its_home_where_the_processor_takes_it) {
    vmcs02().set(field::exit_reason, {10});
    vmcs02().set(field::exit_qualification, 0x77);
    EXPECT_EQ(from_register(0x4402, 48), vm_succeed);
    EXPECT_EQ(vmcs02().get(field::exit_reason).raw, 48u);
    EXPECT_EQ(vmcs02().get(field::exit_qualification), 0x77u);
    EXPECT_EQ(vmcs02().writes(), 1u);
    EXPECT_TRUE(current().dirty.empty()) << "an exit's information asks for no merge";
}

TEST_F(Vmwrite, notes_what_has_to_be_merged_and_checked_again) {
    for (usize i = 0; i < field_count; ++i) {
        forget_changes();
        const FieldRow& row = field_rows[i];
        const InstrOutcome outcome = from_register(row.encoding.raw, 1);
        if (outcome != vm_succeed) continue;
        const unsigned type = (row.encoding.raw >> 10) & 3;
        constexpr unsigned exit_information = 1;
        // SDM 3D B.3.1: the event to inject, its error code and its instruction length.
        const bool event = row.encoding.raw >= 0x4016 && row.encoding.raw <= 0x401a;
        const bool noted = row.home == Home::vmcs12 && type != exit_information && !event;
        EXPECT_EQ(current().dirty.has(static_cast<FieldId>(i)), noted) << row.name;
        EXPECT_EQ(current().changed, noted) << row.name;
        EXPECT_EQ(current().checked_in(L1Mode::ia32e), !noted) << row.name;
        EXPECT_EQ(current().dirty.count(), noted ? 1u : 0u) << row.name;
    }
}

// Each entry looks at the event, so that its fields need no account.
TEST_F(Vmwrite, of_the_event_changes_its_field_and_nothing_else) {
    for (const u64 encoding : {u64{0x4016}, u64{0x4018}, u64{0x401a}}) {
        const Vmcs12 before = current();
        const auto index = static_cast<usize>(find_field(encoding).id);
        EXPECT_EQ(from_register(encoding, 0x8000'0b0e), vm_succeed);
        for (usize i = 0; i < field_count; ++i)
            EXPECT_EQ(current().image[i], i == index ? 0x8000'0b0eu : before.image[i]) << field_rows[i].name;
        EXPECT_TRUE(current().dirty.empty());
        EXPECT_FALSE(current().changed);
        EXPECT_TRUE(current().checked_in(L1Mode::ia32e));
    }
    EXPECT_TRUE(vmcs02().history().empty());
}

TEST_F(Vmwrite, writes_a_lazily_saved_field_in_vmcs02_where_the_next_entry_finds_it) {
    for (const auto& [id, encoding] : {std::pair{FieldId::guest_efer, guest_efer},
                                       {FieldId::guest_pat, guest_pat},
                                       {FieldId::guest_debugctl, guest_debugctl},
                                       {FieldId::guest_dr7, guest_dr7}}) {
        current().in_vmcs02.add(id);
        current().image[static_cast<usize>(id)] = 0x12;
        vmcs02().forget_history();
        EXPECT_EQ(from_register(encoding, 0x1234'5678'9abc'def0), vm_succeed);
        EXPECT_EQ(vmcs02().peek(id), 0x1234'5678'9abc'def0u) << row_of(id).name;
        EXPECT_EQ(vmcs02().writes(), 1u);
        EXPECT_EQ(vmcs02().reads(), 0u);
        EXPECT_TRUE(current().in_vmcs02.has(id));
        EXPECT_TRUE(current().dirty.empty()) << row_of(id).name << " has nothing to be merged";
        EXPECT_FALSE(current().changed);
        EXPECT_TRUE(current().checked_in(L1Mode::ia32e));
    }
}

TEST_F(Vmwrite, writes_one_half_of_a_lazily_saved_field_and_keeps_the_other) {
    current().in_vmcs02.add(FieldId::guest_efer);
    ASSERT_EQ(from_register(guest_efer, 0x1111'1111'2222'2222), vm_succeed);
    ASSERT_EQ(from_register(guest_efer | 1, 0xaaaa'aaaa'3333'3333), vm_succeed);
    EXPECT_EQ(vmcs02().get(field::guest_efer), 0x3333'3333'2222'2222u);
}

TEST_F(Vmwrite, that_fails_notes_nothing) {
    EXPECT_EQ(from_register(0x6c18, 1), vm_fail_valid(12));
    EXPECT_FALSE(current().changed);
    EXPECT_TRUE(current().checked_in(L1Mode::ia32e));
}

TEST_F(Vmwrite, reads_each_byte_of_its_operand_once) {
    world.poke(FakeWorld::operand_at, 1);
    world.memory_operand(FakeWorld::operand_at, gpr::rcx);
    world.set_gpr(gpr::rcx, host_rip);
    world.forget_reads();
    ASSERT_EQ(emulate_vmwrite(world), vm_succeed);
    for (u64 byte = 0; byte < 8; ++byte)
        EXPECT_EQ(world.reads_touching(FakeWorld::operand_at + byte), 1u) << byte;
}

}  // namespace
}  // namespace kurma::vmx
