// What an exit of L2 saves into vmcs12 (SDM 3C 28.3), what it notes there, and what of L2 stays behind in the
// registers.
#include <gtest/gtest.h>

#include <set>
#include <vmx/reflect.hpp>

#include "../../testing/fake_vmcs.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using testing::FakeVmcs;

const Capabilities offered = offer(testing::haswell(), Policy{});
const Capabilities restricted = offer(testing::haswell(), {.offer_unrestricted_guest = false});

/// vmcs12 with these exit controls alone, and values in it that differ from those in vmcs02.
Vmcs12 vmcs12(u32 exit) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    v.set(exit_controls, {exit});
    v.set(guest_dr7, 0x12);
    v.set(guest_debugctl, 0x12);
    v.set(guest_pat, 0x12);
    v.set(guest_efer, 0x12);
    v.set(preemption_timer_value, 0x12);
    return v;
}

FakeVmcs vmcs02() {
    FakeVmcs v;
    v.set(guest_dr7, 0x2401);
    v.set(guest_debugctl, 0x2402);
    v.set(guest_pat, 0x2403);
    v.set(guest_efer, 0x2404);
    v.set(preemption_timer_value, 0x2405);
    v.set(guest_cr0, 0x2406);
    v.set(entry_controls, {static_cast<u32>(Entry::ia32e_mode_guest)});
    return v;
}

// Each of the save controls on and off: all 16 combinations.
TEST(SaveL2, saves_what_each_control_asks_for_and_nothing_else) {
    for (unsigned row = 0; row < 16; ++row) {
        const bool debug = (row & 1) != 0, pat = (row & 2) != 0, efer = (row & 4) != 0,
                   timer = (row & 8) != 0;
        const u32 exit =
            (debug ? 1u << 2 : 0) | (pat ? 1u << 18 : 0) | (efer ? 1u << 20 : 0) | (timer ? 1u << 22 : 0);
        Vmcs12 v = vmcs12(exit);
        FakeVmcs l2 = vmcs02();
        save_l2(v, l2);
        EXPECT_EQ(v.get(guest_dr7), debug ? 0x2401u : 0x12u) << row;
        EXPECT_EQ(v.get(guest_debugctl), debug ? 0x2402u : 0x12u) << row;
        EXPECT_EQ(v.get(guest_pat), pat ? 0x2403u : 0x12u) << row;
        EXPECT_EQ(v.get(guest_efer), efer ? 0x2404u : 0x12u) << row;
        EXPECT_EQ(v.get(preemption_timer_value), timer ? 0x2405u : 0x12u) << row;
        EXPECT_EQ(l2.writes(), 0u);
        EXPECT_EQ(l2.reads(), (debug ? 2u : 0u) + (pat ? 1u : 0u) + (efer ? 1u : 0u) + (timer ? 1u : 0u));
    }
}

/// Everything of the image but what an exit is expected to change.
void expect_same_image_but_for(const Vmcs12& after, const Vmcs12& before, std::set<FieldId> changed) {
    for (usize i = 0; i < field_count; ++i) {
        if (!changed.contains(static_cast<FieldId>(i))) {
            EXPECT_EQ(after.image[i], before.image[i]) << field_rows[i].name;
        }
    }
}

/// L2's mode as vmcs02's entry controls tell it, where L1 loads an EFER of its own.
TEST(NoteExit, keeps_the_mode_control_in_step_where_unrestricted_guest_is_offered) {
    for (const bool now : {false, true}) {
        for (const bool before : {false, true}) {
            Vmcs12 v = vmcs12(static_cast<u32>(Exit::load_efer));
            v.set(entry_controls, EntryControls{0x11fb}.with_if(before, Entry::ia32e_mode_guest));
            FakeVmcs l2 = vmcs02();
            l2.set(entry_controls, EntryControls{}.with_if(now, Entry::ia32e_mode_guest));
            const LeftByL2 left = left_by_l2(v, l2);
            l2.forget_history();
            Vmcs12 without = v;
            EXPECT_EQ(note_exit(v, offered, left, l2), now != before);
            EXPECT_EQ(v.changed, now != before) << "the next entry is to be checked (SDM 3C 27.2.4)";
            EXPECT_EQ(v.get(entry_controls).raw, 0x11fbu | (now ? 1u << 9 : 0));
            EXPECT_EQ(l2.reads(), 1u);
            l2.forget_history();
            note_exit(without, restricted, left, l2);
            EXPECT_EQ(without.get(entry_controls).raw, 0x11fbu | (before ? 1u << 9 : 0));
            EXPECT_TRUE(l2.history().empty()) << "nobody asks for the mode";
        }
    }
}

// SDM 3C 28.2: where unrestricted guest may be 1, the exit stores EFER.LMA into the entry control.
TEST(NoteExit, takes_the_mode_from_efer_where_that_has_been_read) {
    constexpr u64 lma = 1u << 10, lme = 1u << 8;
    for (const u64 efer : {u64{0}, lme, lma, lma | lme, ~lma}) {
        for (const bool before : {false, true}) {
            Vmcs12 v = vmcs12(0);
            v.set(entry_controls, EntryControls{0x11fb}.with_if(before, Entry::ia32e_mode_guest));
            FakeVmcs l2 = vmcs02();
            l2.set(guest_efer, efer);
            const LeftByL2 left = left_by_l2(v, l2);
            l2.forget_history();
            note_exit(v, offered, left, l2);
            EXPECT_EQ(v.get(entry_controls).raw, 0x11fbu | ((efer & lma) != 0 ? 1u << 9 : 0)) << efer;
            EXPECT_TRUE(l2.history().empty());
        }
    }
}

// SDM 3C 25.8.3: an exit clears the valid bit of the event to inject.
TEST(NoteExit, consumes_the_event) {
    for (const Capabilities& of_l1 : {offered, restricted}) {
        Vmcs12 v = vmcs12(0);
        v.set(entry_interruption_info, {0x8000'0b0e});
        FakeVmcs l2 = vmcs02();
        note_exit(v, of_l1, left_by_l2(v, l2), l2);
        EXPECT_EQ(v.get(entry_interruption_info).raw, 0x0000'0b0eu);
    }
}

TEST(NoteExit, changes_no_other_field) {
    const Vmcs12 before = vmcs12(~0u);
    Vmcs12 v = before;
    FakeVmcs l2 = vmcs02();
    note_exit(v, offered, left_by_l2(v, l2), l2);
    expect_same_image_but_for(v, before, {FieldId::entry_controls, FieldId::entry_interruption_info});
    EXPECT_EQ(l2.writes(), 0u);
}

TEST(LeftByL2, reads_efer_and_pat_only_where_the_exit_leaves_them) {
    for (const bool load_pat : {false, true}) {
        for (const bool load_efer : {false, true}) {
            const Vmcs12 v = vmcs12((load_pat ? 1u << 19 : 0) | (load_efer ? 1u << 21 : 0));
            FakeVmcs l2 = vmcs02();
            const LeftByL2 left = left_by_l2(v, l2);
            EXPECT_EQ(left.cr0, 0x2406u);
            EXPECT_EQ(left.pat, load_pat ? ~u64{0} : 0x2403u) << "all ones for what is not needed";
            EXPECT_EQ(left.efer, load_efer ? ~u64{0} : 0x2404u);
            EXPECT_EQ(l2.reads(), 1u + (load_pat ? 0u : 1u) + (load_efer ? 0u : 1u));
        }
    }
}

}  // namespace
}  // namespace kurma::vmx
