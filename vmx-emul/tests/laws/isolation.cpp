// Isolation: nothing of 02's host state, none of its addresses, and no bit that a bitmap of 01 sets depends
// on vmcs12.
#include <gtest/gtest.h>

#include <map>

#include "../../testing/merged.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr int rounds = 5'000;

/// Encodings by SDM 3D appendix B: whatever holds a physical address, or a tag of the TLB, and is a control
/// field.
const std::map<u32, u64> places{
    {0x2000, l0s_places.io_bitmap_a.value()},
    {0x2002, l0s_places.io_bitmap_b.value()},
    {0x2004, l0s_places.msr_bitmap.value()},
    {0x2012, l0s_places.virtual_apic.value()},
    {0x2014, l0s_places.apic_access.value()},
    {0x201a, l0s_places.eptp.bits()},
    {0x0000, l0s_places.vpid},
};

/// Fields in which L1's word would be L0's end: host state, MSR areas, the link pointer, the executive VMCS.
bool l0s_alone(u32 encoding) {
    constexpr u32 host_state = 3, msr_areas[]{0x2006, 0x2008, 0x200a, 0x400e, 0x4010, 0x4014};
    constexpr u32 executive_vmcs = 0x200c, link_pointer = 0x2800;
    for (const u32 area : msr_areas)
        if (encoding == area) return true;
    return ((encoding >> 10) & 3) == host_state || encoding == executive_vmcs || encoding == link_pointer;
}

TEST(Isolation, no_host_state_and_no_address_of_l1s_reaches_vmcs02) {
    for (const Capabilities& host : {haswell(), everything()}) {
        const Capabilities offered = offer(host, Policy{});
        Random random{21};
        int passed = 0;
        for (int round = 0; round < rounds; ++round) {
            Vmcs12 v = random_vmcs12(random, offered);
            const auto vmcs02 = merged(v, offered, host);
            if (!vmcs02) continue;
            ++passed;
            for (const FakeVmcs::Access& access : vmcs02->history()) {
                if (access.kind != FakeVmcs::Kind::write) continue;
                const FieldRow& row = row_of(access.id);
                ASSERT_FALSE(l0s_alone(row.encoding.raw)) << row.name;
                const auto place = places.find(row.encoding.raw);
                if (place != places.end()) {
                    ASSERT_EQ(access.value, place->second) << row.name;
                }
            }
        }
        EXPECT_GT(passed, rounds / 100);
    }
}

// An exit from L2 must come to L0 in 64-bit mode, with L2's MSRs saved and L0's own loaded.
TEST(Isolation, exits_return_to_l0_whatever_l1_wants) {
    const Capabilities host = haswell(), offered = offer(host, Policy{});
    constexpr u32 needed = bits(Exit::host_address_space_size, Exit::save_debug_controls, Exit::save_pat,
                                Exit::load_pat, Exit::save_efer, Exit::load_efer);
    Random random{22};
    for (int round = 0; round < rounds; ++round) {
        Vmcs12 v = random_vmcs12(random, offered);
        const auto vmcs02 = merged(v, offered, host);
        if (!vmcs02) continue;
        ASSERT_EQ(vmcs02->get(field::exit_controls).raw & needed, needed);
    }
}

TEST(Isolation, a_bit_of_01s_bitmap_stays_whatever_12s_says) {
    Random random{23};
    for (int round = 0; round < rounds; ++round) {
        const u64 of_l1 = random.word(), of_l0 = random.word();
        u64 merged_word = of_l1;
        Intercepts01 intercepts;
        ASSERT_TRUE(intercepts.take(&of_l0, 1));
        intercepts.add_to(&merged_word);
        ASSERT_EQ(merged_word & of_l0, of_l0);
        ASSERT_EQ(merged_word & ~of_l1 & ~of_l0, 0u) << "and nobody else's bit appears";
    }
}

// SDM 3C 25.6.15: what a clear bit of a VMREAD or VMWRITE bitmap opens to L1.
TEST(Isolation, l1_reaches_no_control_address_or_host_field_of_vmcs02) {
    for (usize i = 0; i < field_count; ++i) {
        const FieldRow& row = field_rows[i];
        const u32 type = (row.encoding.raw >> 10) & 3;
        constexpr u32 control = 0, exit_information = 1, guest = 2;
        const FieldId id = static_cast<FieldId>(i);
        if (directly_writable.has(id)) {
            EXPECT_EQ(type, guest) << row.name;
        }
        if (directly_readable.has(id)) {
            EXPECT_TRUE(type == guest || type == exit_information) << row.name;
        }
        if (type == control || row.home == Home::vmcs12) {
            EXPECT_FALSE(directly_readable.has(id)) << row.name;
        }
        if (directly_writable.has(id)) {
            EXPECT_TRUE(directly_readable.has(id)) << row.name;
        }
    }
    EXPECT_FALSE(directly_readable.has(FieldId::vmcs_link_pointer)) << "a guest field, but L0's own";
}

}  // namespace
}  // namespace kurma::vmx
