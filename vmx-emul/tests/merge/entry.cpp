// What every entry of L2 loads (SDM 3C 27.3.2.1), and the event that it injects (27.6).
#include <gtest/gtest.h>

#include <vmx/merge.hpp>

#include "../../testing/fake_vmcs.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using testing::FakeVmcs;

const Capabilities offered = offer(testing::haswell(), Policy{});
constexpr u64 lme = 1u << 8, lma = 1u << 10, nxe = 1u << 11, sce = 1u << 0;
constexpr u64 paging = 1u << 31;

constexpr Inherited of_l1{.efer = 0xd01, .pat = 0x0606'0606'0606'0606, .debugctl = 0x1, .dr7 = 0x7ff};

Vmcs12 vmcs12() {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.checked = true;
    return v;
}

CheckedVmcs12 proof_of(Vmcs12& v) {
    CheckResult failure{};
    VmInstructionError error{};
    return *Checker::check(v, offered, L1Mode::ia32e, failure, error);
}

void set_entry(Vmcs12& v, Entry bit, bool set) {
    v.set(entry_controls, v.get(entry_controls).with_if(set, bit));
}

FakeVmcs merged(Vmcs12& v, u64 guest_cr0_of_l2 = 0x8000'0031) {
    FakeVmcs vmcs02;
    vmcs02.set(guest_cr0, guest_cr0_of_l2);
    merge_entry(proof_of(v), of_l1, vmcs02);
    return vmcs02;
}

/// The EFER that L2 starts with, by the text of the manual: a load takes the field; otherwise LMA becomes the
/// IA-32e-mode-guest control, and LME too if the CR0 that is loaded has PG.
struct EferRow {
    bool load, ia32e, pg;
    u64 l1, field, expected;
};

TEST(EntryEfer, follows_the_manuals_table) {
    for (const EferRow row : {
             EferRow{true, false, false, lme | lma | nxe, sce, sce},
             EferRow{true, true, true, 0, lme | lma, lme | lma},
             EferRow{true, true, true, nxe | sce, 0xd01, 0xd01},
             EferRow{false, true, true, lme | lma | nxe, sce, lme | lma | nxe},
             EferRow{false, true, true, sce, 0, lme | lma | sce},
             EferRow{false, false, true, lme | lma | nxe | sce, 0, nxe | sce},
             EferRow{false, false, true, nxe, lme | lma, nxe},
             EferRow{false, false, false, lme | lma | nxe, 0, lme | nxe},
             EferRow{false, false, false, sce, 0, sce},
         }) {
        Vmcs12 v = vmcs12();
        set_entry(v, Entry::load_efer, row.load);
        set_entry(v, Entry::ia32e_mode_guest, row.ia32e);
        v.set(guest_efer, row.field);
        EXPECT_EQ(entry_efer(v, row.l1, row.pg), row.expected)
            << row.load << row.ia32e << row.pg << std::hex << " " << row.l1 << " " << row.field;
    }
}

TEST(MergeEntry, takes_the_paging_bit_from_l2s_cr0) {
    Vmcs12 v = vmcs12();
    set_entry(v, Entry::load_efer, false);
    set_entry(v, Entry::ia32e_mode_guest, false);
    EXPECT_EQ(merged(v, paging | 0x31).get(guest_efer), of_l1.efer & ~(lme | lma));
    EXPECT_EQ(merged(v, 0x30).get(guest_efer), of_l1.efer & ~lma);
}

TEST(MergeEntry, reads_nothing_where_the_mode_is_clear_without) {
    Vmcs12 v = vmcs12();
    EXPECT_EQ(merged(v).reads(), 0u);
    set_entry(v, Entry::load_efer, false);
    EXPECT_EQ(merged(v).reads(), 0u) << "an IA-32e guest has paging on";
    set_entry(v, Entry::ia32e_mode_guest, false);
    EXPECT_EQ(merged(v).reads(), 1u);
}

TEST(MergeEntry, loads_pat_from_vmcs12_or_leaves_l1s) {
    Vmcs12 v = vmcs12();
    v.set(guest_pat, 0x0405'0600'0102'0304);
    EXPECT_EQ(merged(v).get(guest_pat), 0x0405'0600'0102'0304u);
    set_entry(v, Entry::load_pat, false);
    EXPECT_EQ(merged(v).get(guest_pat), of_l1.pat);
}

TEST(MergeEntry, loads_the_debug_controls_from_vmcs12_or_leaves_l1s) {
    Vmcs12 v = vmcs12();
    v.set(guest_dr7, 0x455);
    v.set(guest_debugctl, 0x2);
    EXPECT_EQ(merged(v).get(guest_dr7), 0x455u);
    EXPECT_EQ(merged(v).get(guest_debugctl), 0x2u);
    set_entry(v, Entry::load_debug_controls, false);
    EXPECT_EQ(merged(v).get(guest_dr7), of_l1.dr7);
    EXPECT_EQ(merged(v).get(guest_debugctl), of_l1.debugctl);
}

TEST(MergeEntry, loads_the_preemption_timer_where_it_runs) {
    Vmcs12 v = vmcs12();
    v.set(preemption_timer_value, 0x1234);
    EXPECT_FALSE(merged(v).wrote(FieldId::preemption_timer_value));
    v.set(pin_controls, v.get(pin_controls).with(Pin::preemption_timer));
    EXPECT_EQ(merged(v).get(preemption_timer_value), 0x1234u);
}

TEST(MergeEntry, hands_on_the_event_word_for_word) {
    Vmcs12 v = vmcs12();
    v.set(entry_interruption_info, {0x8000'0b0e});
    v.set(entry_exception_error_code, 0x7);
    v.set(entry_instruction_length, 3);
    const FakeVmcs vmcs02 = merged(v);
    EXPECT_EQ(vmcs02.get(entry_interruption_info).raw, 0x8000'0b0eu);
    EXPECT_EQ(vmcs02.get(entry_exception_error_code), 0x7u);
    EXPECT_EQ(vmcs02.get(entry_instruction_length), 3u);
}

TEST(MergeEntry, writes_no_event_where_there_is_none) {
    Vmcs12 v = vmcs12();
    v.set(entry_interruption_info, {0x0000'0b0e});
    const FakeVmcs vmcs02 = merged(v);
    for (const FieldId id : {FieldId::entry_interruption_info, FieldId::entry_exception_error_code,
                             FieldId::entry_instruction_length})
        EXPECT_FALSE(vmcs02.wrote(id)) << row_of(id).name;
    EXPECT_EQ(vmcs02.writes(), 4u) << "EFER, PAT, DR7, DEBUGCTL";
}

}  // namespace
}  // namespace kurma::vmx
