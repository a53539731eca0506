// The memory operand of a VMX instruction: which bytes of L1's memory it means (SDM 3C 28.2.1, 28.2.5).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u64 pattern = 0x8877'6655'4433'2211;
constexpr u64 host_rip = 0x6c16;

/// VMREAD of a known value to memory: where the value is found afterwards is where the operand lies.
struct Operand : ::testing::Test {
    Operand() {
        world.make_current();
        world.nested().current->set(field::host_rip, pattern);
    }

    InstrOutcome vmread(OperandForm form, u64 displacement) {
        form.register2 = gpr::r15;
        world.set_gpr(gpr::r15, host_rip);
        world.operand(form, displacement);
        return emulate_vmread(world);
    }
    void expect_at(u64 address, const OperandForm& form, u64 displacement) {
        world.poke(address, 0);
        EXPECT_EQ(vmread(form, displacement), vm_succeed);
        EXPECT_EQ(world.peek(address), pattern) << std::hex << address;
    }
    FakeWorld world;
};

TEST_F(Operand, lies_at_the_displacement_without_base_and_index) { expect_at(0x1'1000, {}, 0x1'1000); }

TEST_F(Operand, lies_at_base_plus_displacement_for_every_base) {
    for (unsigned base = 0; base < 15; ++base) {
        world.set_gpr(base, 0x1'2000 + 0x10 * base);
        expect_at(0x1'2008 + 0x10 * base, {.base = base}, 8);
    }
}

TEST_F(Operand, lies_at_index_times_scale_for_every_index_and_scale) {
    for (unsigned index = 0; index < 15; ++index) {
        if (index == gpr::rsp) continue;  // cannot be encoded as an index
        for (unsigned scale = 0; scale < 4; ++scale) {
            world.set_gpr(index, 0x800 + 8 * index);
            expect_at(0x1'4000 + ((0x800 + 8 * index) << scale), {.index = index, .scale = scale}, 0x1'4000);
        }
    }
}

TEST_F(Operand, adds_base_index_and_a_negative_displacement) {
    world.set_gpr(gpr::rbx, 0x1'8000);
    world.set_gpr(gpr::rsi, 0x40);
    expect_at(0x1'8000 + 0x40 * 8 - 0x10, {.base = gpr::rbx, .index = gpr::rsi, .scale = 3}, ~u64{0} - 0xf);
}

TEST_F(Operand, wraps_at_the_address_size) {
    world.set_gpr(gpr::rbx, 0xffff'ffff'0001'0000);
    expect_at(0x1'0010, {.address_size = AddressSize::bits32, .base = gpr::rbx}, 0x10);
    world.set_gpr(gpr::rbx, 0xfff8);
    expect_at(0x0008, {.address_size = AddressSize::bits16, .base = gpr::rbx}, 0x10);
    world.set_gpr(gpr::rbx, ~u64{0} - 0xff);
    expect_at(0x1'0000, {.base = gpr::rbx}, 0x1'0100);
}

// In 64-bit mode the bases of ES, CS, SS and DS count as 0 (SDM 1 3.4.4).
TEST_F(Operand, in_64_bit_mode_only_fs_and_gs_have_a_base) {
    for (const FieldId id :
         {FieldId::guest_es_base, FieldId::guest_cs_base, FieldId::guest_ss_base, FieldId::guest_ds_base})
        world.vmcs01().poke(id, 0x8'0000);
    world.vmcs01().set(field::guest_fs_base, 0x2'0000);
    world.vmcs01().set(field::guest_gs_base, 0x4'0000);
    for (const SegmentIndex segment :
         {SegmentIndex::es, SegmentIndex::cs, SegmentIndex::ss, SegmentIndex::ds})
        expect_at(0x1'1000, {.segment = segment}, 0x1'1000);
    expect_at(0x3'1000, {.segment = SegmentIndex::fs}, 0x1'1000);
    expect_at(0x5'1000, {.segment = SegmentIndex::gs}, 0x1'1000);
}

TEST_F(Operand, a_segment_base_is_added_after_the_wrap) {
    world.vmcs01().set(field::guest_gs_base, 0x4'0000);
    world.set_gpr(gpr::rbx, 0xffff'ffff);
    expect_at(0x5'0000, {.address_size = AddressSize::bits32, .segment = SegmentIndex::gs, .base = gpr::rbx},
              0x1'0001);
}

TEST_F(Operand, may_cross_a_page_into_another_frame) {
    constexpr u64 linear = 0x1'2ffd, first_frame = 0x30'0000, second_frame = 0x38'0000;
    world.tables().map(linear & ~u64{0xfff}, first_frame, pte::supervisor_rw);
    world.tables().map((linear & ~u64{0xfff}) + 0x1000, second_frame, pte::supervisor_rw);
    EXPECT_EQ(vmread({}, linear), vm_succeed);
    EXPECT_EQ(world.peek(first_frame + 0xffd, 3), pattern & 0xff'ffff);
    EXPECT_EQ(world.peek(second_frame, 5), pattern >> 24);

    world.set_gpr(gpr::rcx, host_rip);
    world.nested().current->set(field::host_rip, 0);
    world.memory_operand(linear, gpr::rcx);
    EXPECT_EQ(emulate_vmwrite(world), vm_succeed);
    EXPECT_EQ(world.nested().current->get(field::host_rip), pattern);
}

TEST_F(Operand, that_is_not_canonical_is_a_general_protection_fault) {
    for (const u64 address :
         {u64{0x0000'8000'0000'0000}, u64{0xffff'7fff'ffff'fff8}, u64{1} << 62, u64{0x0000'7fff'ffff'fff9}}) {
        for (const SegmentIndex segment :
             {SegmentIndex::es, SegmentIndex::cs, SegmentIndex::ds, SegmentIndex::fs, SegmentIndex::gs})
            EXPECT_EQ(vmread({.segment = segment}, address), raises_gp) << std::hex << address;
    }
}

TEST_F(Operand, that_is_not_canonical_in_the_stack_segment_is_a_stack_fault) {
    EXPECT_EQ(vmread({.segment = SegmentIndex::ss}, 0x0000'8000'0000'0000), raises_ss);
}

TEST_F(Operand, becomes_non_canonical_by_a_segment_base_too) {
    world.vmcs01().set(field::guest_fs_base, 0x0000'7fff'ffff'f000);
    EXPECT_EQ(vmread({.segment = SegmentIndex::fs}, 0x1000), raises_gp);
}

TEST_F(Operand, on_a_missing_page_is_a_page_fault_and_writes_nothing) {
    constexpr u64 unmapped = FakeWorld::mapped_bytes + 0x5123;
    // The walk may set accessed flags on its way (SDM 3A 4.8); all other memory stays as it is.
    const auto data = [&] {
        return std::vector<u8>(world.contents().begin(), world.contents().begin() + FakeWorld::tables_at);
    };
    const auto before = data();
    EXPECT_EQ(vmread({}, unmapped), raises(14, 2, unmapped));
    EXPECT_EQ(data(), before);
}

TEST_F(Operand, read_from_a_missing_page_is_a_page_fault_of_a_read) {
    constexpr u64 unmapped = FakeWorld::mapped_bytes + 0x5123;
    world.memory_operand(unmapped, gpr::rcx);
    world.set_gpr(gpr::rcx, host_rip);
    EXPECT_EQ(emulate_vmwrite(world), raises(14, 0, unmapped));
    EXPECT_EQ(emulate_vmptrld(world), raises(14, 0, unmapped));
    EXPECT_EQ(emulate_vmclear(world), raises(14, 0, unmapped));
    EXPECT_EQ(emulate_invept(world), raises(14, 0, unmapped));
    EXPECT_EQ(emulate_invvpid(world), raises(14, 0, unmapped));
    EXPECT_EQ(emulate_vmptrst(world), raises(14, 2, unmapped));
    world.nested().in_vmx_operation = false;
    EXPECT_EQ(emulate_vmxon(world), raises(14, 0, unmapped));
}

TEST_F(Operand, on_a_read_only_page_can_be_read_but_not_written) {
    constexpr u64 linear = 0x1'3000;
    world.tables().map(linear, linear, pte::present);
    EXPECT_EQ(vmread({}, linear), raises(14, 3, linear));
    world.poke(linear, 0x5555);
    world.memory_operand(linear, gpr::rcx);
    world.set_gpr(gpr::rcx, host_rip);
    EXPECT_EQ(emulate_vmwrite(world), vm_succeed);
    EXPECT_EQ(world.nested().current->get(field::host_rip), 0x5555u);
}

// The address in CR2 is that of the byte that could not be reached: the first one on the second page.
TEST_F(Operand, whose_second_page_is_missing_faults_there_and_writes_nothing_to_the_first) {
    constexpr u64 linear = FakeWorld::mapped_bytes - 3;
    world.poke(linear, 0, 3);
    EXPECT_EQ(vmread({}, linear), raises(14, 2, FakeWorld::mapped_bytes));
    EXPECT_EQ(world.peek(linear, 3), 0u);
    world.memory_operand(linear, gpr::rcx);
    world.set_gpr(gpr::rcx, host_rip);
    EXPECT_EQ(emulate_vmwrite(world), raises(14, 0, FakeWorld::mapped_bytes));
    EXPECT_EQ(world.nested().current->get(field::host_rip), pattern);
}

TEST_F(Operand, behind_which_no_memory_lies_reads_as_ones) {
    constexpr u64 linear = 0x1'3000, nothing = u64{1} << 30;
    world.tables().map(linear, nothing, pte::supervisor_rw);
    world.memory_operand(linear, gpr::rcx);
    world.set_gpr(gpr::rcx, host_rip);
    EXPECT_EQ(emulate_vmwrite(world), vm_succeed);
    EXPECT_EQ(world.nested().current->get(field::host_rip), ~u64{0});
}

}  // namespace
}  // namespace kurma::vmx
