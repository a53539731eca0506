// What of vmcs02's controls is written, and how often: a write to a control field is what an entry costs.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vmx/merge.hpp>

#include "../../testing/fake_vmcs.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using testing::FakeVmcs;

const Capabilities host = testing::haswell();
const Capabilities offered = offer(host, Policy{});

const Placement02 place{.msr_bitmap = ept::Hpa{0x7'1000},
                        .io_bitmap_a = ept::Hpa{0x7'2000},
                        .io_bitmap_b = ept::Hpa{0x7'3000},
                        .virtual_apic = ept::Hpa{0x7'4000},
                        .apic_access = ept::Hpa{0x7'5000},
                        .vmread_bitmap = ept::Hpa{0x7'8000},
                        .vmwrite_bitmap = ept::Hpa{0x7'9000},
                        .eptp = Eptp::make(ept::Hpa{0x7'6000}),
                        .vpid = 0x77};

CheckedVmcs12 proof_of(Vmcs12& v) {
    CheckResult failure{};
    VmInstructionError error{};
    const auto proof = Checker::check(v, offered, L1Mode::ia32e, failure, error);
    EXPECT_TRUE(proof) << name_of(failure.failed);
    return *proof;
}

/// SDM 3C 25.6: these act on L2 and on L2 alone, so that L1's value is as good as any.
const std::set<std::string> taken_over{"tsc_offset",       "xss_exiting_bitmap",
                                       "exception_bitmap", "page_fault_error_code_mask",
                                       "cr3_target_count", "page_fault_error_code_match",
                                       "tpr_threshold",    "ple_gap",
                                       "ple_window",       "cr0_guest_host_mask",
                                       "cr0_read_shadow",  "cr4_guest_host_mask",
                                       "cr4_read_shadow",  "cr3_target0",
                                       "cr3_target1",      "cr3_target2",
                                       "cr3_target3",      "eoi_exit_bitmap0",
                                       "eoi_exit_bitmap1", "eoi_exit_bitmap2",
                                       "eoi_exit_bitmap3", "tsc_multiplier"};

TEST(MergeSame, writes_nothing_when_l1_wrote_nothing) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    FakeVmcs vmcs02;
    merge_same(proof_of(v), vmcs02);
    EXPECT_TRUE(vmcs02.history().empty());
}

TEST(MergeSame, writes_each_field_that_l1_wrote_once_and_no_other) {
    for (usize i = 0; i < field_count; ++i) {
        Vmcs12 v = testing::valid_vmcs12(offered);
        const CheckedVmcs12 proof = proof_of(v);
        const auto id = static_cast<FieldId>(i);
        v.image[i] = 0xab;
        v.dirty.add(id);
        FakeVmcs vmcs02;
        merge_same(proof, vmcs02);
        if (taken_over.contains(field_rows[i].name)) {
            const std::vector<FakeVmcs::Access> expected{{FakeVmcs::Kind::write, id, 0xab}};
            EXPECT_EQ(vmcs02.history(), expected) << field_rows[i].name;
        } else {
            EXPECT_TRUE(vmcs02.history().empty()) << field_rows[i].name;
        }
    }
}

TEST(MergeSame, writes_all_of_them_where_all_are_new) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.dirty = all_home12;
    FakeVmcs vmcs02;
    merge_same(proof_of(v), vmcs02);
    EXPECT_EQ(vmcs02.writes(), taken_over.size());
    EXPECT_EQ(vmcs02.reads(), 0u);
}

TEST(MergeComputed, writes_five_words_and_the_addresses_at_first) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    FakeVmcs vmcs02;
    Controls02 present{};
    merge_computed(proof_of(v), host, place, vmcs02, present);
    EXPECT_EQ(present, merge_controls(v, host));
    EXPECT_EQ(vmcs02.get(pin_controls), present.pin);
    EXPECT_EQ(vmcs02.get(primary_controls), present.primary);
    EXPECT_EQ(vmcs02.get(secondary_controls), present.secondary);
    EXPECT_EQ(vmcs02.get(exit_controls), present.exit);
    EXPECT_EQ(vmcs02.get(entry_controls), present.entry);
    EXPECT_EQ(vmcs02.get(msr_bitmap), 0x7'1000u);
    EXPECT_EQ(vmcs02.get(io_bitmap_a), 0x7'2000u);
    EXPECT_EQ(vmcs02.get(io_bitmap_b), 0x7'3000u);
    EXPECT_EQ(vmcs02.get(virtual_apic_address), 0x7'4000u);
    EXPECT_FALSE(vmcs02.wrote(FieldId::apic_access_address)) << "L1 does not virtualize APIC accesses";
    EXPECT_EQ(vmcs02.get(vpid), 0x77);
    EXPECT_EQ(vmcs02.get(field::eptp), place.eptp);
    EXPECT_EQ(vmcs02.writes(), 5u + 6u);
    EXPECT_EQ(vmcs02.reads(), 0u);
}

TEST(MergeComputed, does_not_write_a_word_that_vmcs02_has) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    FakeVmcs vmcs02;
    Controls02 present = merge_controls(v, host);
    merge_computed(proof_of(v), host, place, vmcs02, present);
    for (const FieldId id : {FieldId::pin_controls, FieldId::primary_controls, FieldId::secondary_controls,
                             FieldId::exit_controls, FieldId::entry_controls})
        EXPECT_FALSE(vmcs02.wrote(id)) << row_of(id).name;
}

TEST(MergeComputed, writes_the_one_word_that_changed) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    Controls02 present = merge_controls(v, host);
    v.set(primary_controls, v.get(primary_controls).with(Primary::interrupt_window_exiting));
    FakeVmcs vmcs02;
    merge_computed(proof_of(v), host, place, vmcs02, present);
    EXPECT_EQ(vmcs02.writes_of(FieldId::primary_controls), 1u);
    EXPECT_TRUE(vmcs02.get(primary_controls).has(Primary::interrupt_window_exiting));
    for (const FieldId id : {FieldId::pin_controls, FieldId::secondary_controls, FieldId::exit_controls,
                             FieldId::entry_controls})
        EXPECT_FALSE(vmcs02.wrote(id)) << row_of(id).name;
}

TEST(MergeComputed, writes_the_apic_access_page_where_l1_has_one) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.set(secondary_controls, v.get(secondary_controls).with(Secondary::virtualize_apic_accesses));
    FakeVmcs vmcs02;
    Controls02 present{};
    merge_computed(proof_of(v), host, place, vmcs02, present);
    EXPECT_EQ(vmcs02.get(apic_access_address), 0x7'5000u);
}

TEST(MergeComputed, writes_no_address_that_no_control_uses) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.set(primary_controls, v.get(primary_controls)
                                .without(Primary::use_msr_bitmaps)
                                .without(Primary::use_io_bitmaps)
                                .without(Primary::use_tpr_shadow)
                                .with(Primary::unconditional_io_exiting));
    FakeVmcs vmcs02;
    Controls02 present{};
    merge_computed(proof_of(v), host, place, vmcs02, present);
    for (const FieldId id : {FieldId::msr_bitmap, FieldId::io_bitmap_a, FieldId::io_bitmap_b,
                             FieldId::virtual_apic_address, FieldId::apic_access_address})
        EXPECT_FALSE(vmcs02.wrote(id)) << row_of(id).name;
}

TEST(Intercepts01, add_l0s_bits_to_l1s_page) {
    constexpr usize words = 512;
    std::vector<u64> of_l1(words), of_l0(words);
    for (usize i = 0; i < words; ++i) of_l1[i] = u64{1} << i % 64;
    for (const usize i : {usize{0}, usize{7}, words - 1}) of_l0[i] = u64{0x8000'0000'0000'0001};
    Intercepts01 intercepts;
    ASSERT_TRUE(intercepts.take(of_l0.data(), words));
    std::vector<u64> merged = of_l1;
    intercepts.add_to(merged.data());
    for (usize i = 0; i < words; ++i) EXPECT_EQ(merged[i], of_l1[i] | of_l0[i]) << i;
}

TEST(Intercepts01, refuse_a_page_with_more_words_than_they_hold) {
    const std::vector<u64> of_l0(Intercepts01::capacity + 1, 1);
    Intercepts01 intercepts;
    EXPECT_TRUE(intercepts.take(of_l0.data(), Intercepts01::capacity));
    EXPECT_FALSE(intercepts.take(of_l0.data(), of_l0.size()));
}

}  // namespace
}  // namespace kurma::vmx
