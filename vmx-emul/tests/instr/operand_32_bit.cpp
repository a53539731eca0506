// Memory operands of a 32-bit L1: segments have bases, limits and types (SDM 3A 5.3 to 5.5).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u32 value = 0x4433'2211;
constexpr u64 host_rip = 0x6c16;

/// Access rights as table 25-2 has them: S, present, and the type.
constexpr u32 usable = 1u << 4 | 1u << 7, unusable = 1u << 16, big = 1u << 14;

struct Operand32 : ::testing::Test {
    Operand32() {
        world.become_32_bit();
        world.make_current();
        world.nested().current->set(field::host_rip, value);
        world.set_gpr(gpr::rdi, host_rip);
    }

    InstrOutcome vmread(SegmentIndex segment, u64 offset) {
        world.operand({.address_size = AddressSize::bits32, .segment = segment, .register2 = gpr::rdi},
                      offset);
        return emulate_vmread(world);
    }
    InstrOutcome vmwrite(SegmentIndex segment, u64 offset) {
        world.operand({.address_size = AddressSize::bits32, .segment = segment, .register2 = gpr::rdi},
                      offset);
        return emulate_vmwrite(world);
    }
    void data_segment(u32 type, u32 limit, u32 more = big) {
        world.vmcs01().set(field::guest_ds_access_rights, {usable | type | more});
        world.vmcs01().set(field::guest_ds_limit, limit);
    }
    FakeWorld world;
};

struct SegmentFields {
    SegmentIndex index;
    FieldId base, limit, rights;
};
const SegmentFields segments[]{
    {SegmentIndex::es, FieldId::guest_es_base, FieldId::guest_es_limit, FieldId::guest_es_access_rights},
    {SegmentIndex::cs, FieldId::guest_cs_base, FieldId::guest_cs_limit, FieldId::guest_cs_access_rights},
    {SegmentIndex::ss, FieldId::guest_ss_base, FieldId::guest_ss_limit, FieldId::guest_ss_access_rights},
    {SegmentIndex::ds, FieldId::guest_ds_base, FieldId::guest_ds_limit, FieldId::guest_ds_access_rights},
    {SegmentIndex::fs, FieldId::guest_fs_base, FieldId::guest_fs_limit, FieldId::guest_fs_access_rights},
    {SegmentIndex::gs, FieldId::guest_gs_base, FieldId::guest_gs_limit, FieldId::guest_gs_access_rights},
};

TEST_F(Operand32, every_segment_has_its_base) {
    u64 base = 0x2'0000;
    for (const SegmentFields& segment : segments) {
        world.vmcs01().poke(segment.base, base);
        world.poke(base + 0x100, value, 4);
        world.nested().current->set(field::host_rip, 0);
        EXPECT_EQ(vmwrite(segment.index, 0x100), vm_succeed);
        EXPECT_EQ(world.nested().current->get(field::host_rip), value);
        base += 0x1000;
    }
}

TEST_F(Operand32, every_segment_has_its_limit) {
    for (const SegmentFields& segment : segments) {
        const InstrOutcome refused = segment.index == SegmentIndex::ss ? raises_ss : raises_gp;
        world.vmcs01().poke(segment.limit, 0x1'0fff);
        EXPECT_EQ(vmwrite(segment.index, 0x1'0ffc), vm_succeed);
        EXPECT_EQ(vmwrite(segment.index, 0x1'0ffd), refused) << "the last byte lies beyond the limit";
        EXPECT_EQ(vmwrite(segment.index, 0x1'1000), refused);
        EXPECT_EQ(vmwrite(segment.index, 0xffff'fffd), refused) << "an offset that wraps";
    }
}

TEST_F(Operand32, an_unusable_segment_refuses_everything) {
    for (const SegmentFields& segment : segments) {
        const InstrOutcome refused = segment.index == SegmentIndex::ss ? raises_ss : raises_gp;
        world.vmcs01().poke(segment.rights, world.vmcs01().peek(segment.rights) | unusable);
        EXPECT_EQ(vmwrite(segment.index, 0x1'0000), refused);
        EXPECT_EQ(vmread(segment.index, 0x1'0000), refused);
    }
}

// SDM 3A table 3-1: the sixteen types of code and data segments.
TEST_F(Operand32, the_type_of_the_segment_says_what_may_be_done) {
    for (u32 type = 0; type < 16; ++type) {
        const bool code = (type & 8) != 0, expand_down = !code && (type & 4) != 0, second = (type & 2) != 0;
        data_segment(type, expand_down ? 0xfff : 0xffff'ffff);
        const bool readable = !code || second, writable = !code && second;
        EXPECT_EQ(vmwrite(SegmentIndex::ds, 0x1'0000), readable ? vm_succeed : raises_gp) << type;
        EXPECT_EQ(vmread(SegmentIndex::ds, 0x1'0000), writable ? vm_succeed : raises_gp) << type;
    }
}

TEST_F(Operand32, an_expand_down_segment_begins_behind_its_limit) {
    constexpr u32 expand_down_rw = 6;
    data_segment(expand_down_rw, 0x1'0fff);
    EXPECT_EQ(vmwrite(SegmentIndex::ds, 0x1'0fff), raises_gp);
    EXPECT_EQ(vmwrite(SegmentIndex::ds, 0x1'1000), vm_succeed);
    data_segment(expand_down_rw, 0x0fff, 0);
    EXPECT_EQ(vmwrite(SegmentIndex::ds, 0xfffc), vm_succeed);
    EXPECT_EQ(vmwrite(SegmentIndex::ds, 0xfffd), raises_gp)
        << "its end is at 64 KiB unless the B flag is set";
    EXPECT_EQ(vmwrite(SegmentIndex::ds, 0x1'1000), raises_gp);
}

TEST_F(Operand32, linear_addresses_wrap_at_4_gib) {
    world.vmcs01().set(field::guest_ds_base, 0xffff'0000);
    world.poke(0x8000, value, 4);
    world.nested().current->set(field::host_rip, 0);
    EXPECT_EQ(vmwrite(SegmentIndex::ds, 0x1'8000), vm_succeed);
    EXPECT_EQ(world.nested().current->get(field::host_rip), value);
}

TEST_F(Operand32, has_no_rule_about_canonical_addresses) {
    constexpr u64 high = 0xf000'0000;
    world.tables().map(high, 0x1'1000, pte::supervisor_rw);
    EXPECT_EQ(vmread(SegmentIndex::ds, high), vm_succeed);
    EXPECT_EQ(world.peek(0x1'1000, 4), value);
}

TEST_F(Operand32, page_faults_as_a_64_bit_one_does) {
    constexpr u64 unmapped = FakeWorld::mapped_bytes + 0x123;
    EXPECT_EQ(vmread(SegmentIndex::ds, unmapped), raises(14, 2, unmapped));
    EXPECT_EQ(vmwrite(SegmentIndex::ds, unmapped), raises(14, 0, unmapped));
}

TEST_F(Operand32, without_paging_the_linear_address_is_the_physical_one) {
    world.vmcs01().set(field::guest_cr0, world.cr0_of_l1() & ~u64{1u << 31});
    constexpr u64 unmapped = FakeWorld::mapped_bytes + 0x1000;
    EXPECT_EQ(vmread(SegmentIndex::ds, unmapped), vm_succeed);
    EXPECT_EQ(world.peek(unmapped, 4), value);
}

}  // namespace
}  // namespace kurma::vmx
