// What every entry of L2 loads (SDM 3C 27.3.2.1), and the event that it injects (27.6).
#include <gtest/gtest.h>

#include <set>
#include <vmx/merge.hpp>
#include <vmx/reflect.hpp>

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

FakeVmcs merged(Vmcs12& v, u64 guest_cr0_of_l2 = 0x8000'0031, Known02 known = {}) {
    FakeVmcs vmcs02;
    vmcs02.set(guest_cr0, guest_cr0_of_l2);
    merge_entry(proof_of(v), of_l1, known, vmcs02);
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

TEST(MergeEntry, writes_no_efer_that_vmcs02_is_known_to_have) {
    constexpr u64 cr0 = 0x8000'0031;
    for (const bool load : {false, true}) {
        for (const bool ia32e : {false, true}) {
            Vmcs12 v = vmcs12();
            set_entry(v, Entry::load_efer, load);
            set_entry(v, Entry::ia32e_mode_guest, ia32e);
            v.set(guest_efer, sce);
            const u64 expected = entry_efer(v, of_l1.efer, true);
            // What L1 asks for is written, known or not: only L1's own register is compared.
            EXPECT_EQ(merged(v, cr0, {.efer = expected}).wrote(FieldId::guest_efer), load) << ia32e;
            const FakeVmcs other = merged(v, cr0, {.efer = expected ^ nxe});
            EXPECT_EQ(other.writes_of(FieldId::guest_efer), 1u) << load << ia32e;
            EXPECT_EQ(other.get(guest_efer), expected) << load << ia32e;
        }
    }
}

TEST(MergeEntry, writes_no_pat_that_vmcs02_is_known_to_have) {
    constexpr u64 cr0 = 0x8000'0031;
    for (const bool load : {false, true}) {
        Vmcs12 v = vmcs12();
        set_entry(v, Entry::load_pat, load);
        const u64 expected = load ? v.get(guest_pat) : of_l1.pat;
        EXPECT_EQ(merged(v, cr0, {.pat = expected}).wrote(FieldId::guest_pat), load);
        const FakeVmcs other = merged(v, cr0, {.pat = expected ^ 1});
        EXPECT_EQ(other.writes_of(FieldId::guest_pat), 1u) << load;
        EXPECT_EQ(other.get(guest_pat), expected) << load;
    }
}

TEST(MergeEntry, takes_what_is_known_of_one_register_for_that_one_alone) {
    Vmcs12 v = vmcs12();
    set_entry(v, Entry::load_efer, false);
    set_entry(v, Entry::load_pat, false);
    const u64 efer = entry_efer(v, of_l1.efer, false);
    const FakeVmcs efer_known = merged(v, 0, {.efer = efer}), pat_known = merged(v, 0, {.pat = of_l1.pat});
    EXPECT_FALSE(efer_known.wrote(FieldId::guest_efer));
    EXPECT_TRUE(efer_known.wrote(FieldId::guest_pat));
    EXPECT_TRUE(pat_known.wrote(FieldId::guest_efer));
    EXPECT_FALSE(pat_known.wrote(FieldId::guest_pat));
}

// No processor takes all ones, and so it is the processor that has to refuse them.
TEST(MergeEntry, hands_on_registers_of_all_ones_where_nothing_is_known) {
    Vmcs12 v = vmcs12();
    v.set(guest_efer, ~u64{0});
    v.set(guest_pat, ~u64{0});
    const FakeVmcs vmcs02 = merged(v);
    EXPECT_EQ(vmcs02.get(guest_efer), ~u64{0});
    EXPECT_EQ(vmcs02.get(guest_pat), ~u64{0});
}

/// What of vmcs02 an entry writes where the fields that an exit left there are these.
std::set<FieldId> written_with(const FieldSet& in_vmcs02) {
    Vmcs12 v = vmcs12();
    v.in_vmcs02 = in_vmcs02;
    const FakeVmcs vmcs02 = merged(v);
    std::set<FieldId> written;
    for (const FakeVmcs::Access& access : vmcs02.history())
        if (access.kind == FakeVmcs::Kind::write) written.insert(access.id);
    return written;
}

TEST(MergeEntry, writes_no_field_that_is_in_vmcs02_for_now) {
    constexpr FieldSet debug = FieldSet::of({FieldId::guest_dr7, FieldId::guest_debugctl});
    constexpr FieldSet pat = FieldSet::of({FieldId::guest_pat}), efer = FieldSet::of({FieldId::guest_efer});
    for (unsigned row = 0; row < 8; ++row) {
        FieldSet there{};
        std::set<FieldId> expected{FieldId::guest_dr7, FieldId::guest_debugctl, FieldId::guest_pat,
                                   FieldId::guest_efer};
        for (const auto& [bit, fields] : {std::pair{1u, debug}, {2u, pat}, {4u, efer}}) {
            if ((row & bit) == 0) continue;
            there = there | fields;
            fields.for_each([&](FieldId id) { expected.erase(id); });
        }
        EXPECT_EQ(written_with(there), expected) << row;
    }
}

TEST(MergeEntry, touches_vmcs02_not_at_all_where_all_is_there_and_nothing_happens) {
    Vmcs12 v = vmcs12();
    v.in_vmcs02 = saved_lazily(v);
    EXPECT_EQ(v.in_vmcs02.count(), 4u);
    EXPECT_TRUE(merged(v).history().empty());
}

TEST(MergeEntry, writes_the_event_and_the_timer_whatever_is_in_vmcs02) {
    Vmcs12 v = vmcs12();
    v.in_vmcs02 = saved_lazily(v);
    v.set(pin_controls, v.get(pin_controls).with(Pin::preemption_timer));
    v.set(preemption_timer_value, 0x1234);
    v.set(entry_interruption_info, {0x8000'0b0e});
    const FakeVmcs vmcs02 = merged(v);
    EXPECT_EQ(vmcs02.get(preemption_timer_value), 0x1234u);
    EXPECT_EQ(vmcs02.get(entry_interruption_info).raw, 0x8000'0b0eu);
    EXPECT_EQ(vmcs02.writes(), 4u) << "the timer, and the event with its error code and length";
}

}  // namespace
}  // namespace kurma::vmx
