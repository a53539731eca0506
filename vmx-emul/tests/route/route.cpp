// Who answers an exit (SDM 3C 26.1, 26.2).
#include <gtest/gtest.h>

#include <map>
#include <vmx/nested.hpp>
#include <vmx/route.hpp>

namespace kurma::vmx {
namespace {

struct FakeBitmaps {
    bool answer = false;
    mutable int asked = 0;
    mutable u32 msr = 0;
    mutable bool write = false;
    mutable u16 port = 0;
    mutable unsigned bytes = 0;

    bool msr_intercepted(u32 which, bool by_write) const {
        ++asked;
        msr = which;
        write = by_write;
        return answer;
    }
    bool io_intercepted(u16 which, unsigned how_many) const {
        ++asked;
        port = which;
        bytes = how_many;
        return answer;
    }
};

Why route(Reason reason, const FakeBitmaps& bitmaps = {}, const Vmcs12& vmcs12 = {}) {
    return route_l2(vmcs12, {.reason = ExitReason::of(reason)}, bitmaps);
}

const std::map<Reason, Why> l1_answers{
    {Reason::cpuid, Why::l1_cpuid},
    {Reason::vmcall, Why::l1_control_call},
    {Reason::vmclear, Why::l1_vmx_instruction},
    {Reason::vmlaunch, Why::l1_vmx_instruction},
    {Reason::vmptrld, Why::l1_vmx_instruction},
    {Reason::vmptrst, Why::l1_vmx_instruction},
    {Reason::vmread, Why::l1_vmx_instruction},
    {Reason::vmresume, Why::l1_vmx_instruction},
    {Reason::vmwrite, Why::l1_vmx_instruction},
    {Reason::vmxoff, Why::l1_vmx_instruction},
    {Reason::vmxon, Why::l1_vmx_instruction},
    {Reason::invept, Why::l1_vmx_instruction},
    {Reason::invvpid, Why::l1_vmx_instruction},
    {Reason::rdmsr, Why::l1_vmx_msr},
    {Reason::wrmsr, Why::l1_vmx_msr},
    {Reason::cr_access, Why::l1_cr_fixed_bits},
    {Reason::xsetbv, Why::l1_xsetbv},
    {Reason::invd, Why::l1_cache_instruction},
    {Reason::getsec, Why::l1_getsec},
    {Reason::io_instruction, Why::l1_power_port},
    {Reason::ept_violation, Why::l1_ept_map},
    {Reason::gdtr_idtr_access, Why::l1_watched_state},
    {Reason::ldtr_tr_access, Why::l1_watched_state},
    {Reason::mov_dr, Why::l1_watched_state},
};

static_assert(route_l1(Reason::cpuid) == Why::l1_cpuid, "where the reason is known, so is the answer");
static_assert(route_l2_fixed(Vmcs12{}, {.reason = ExitReason::of(Reason::hlt)}) == Why::l2_controls_of_l1);

TEST(RouteL1, gives_each_exit_that_l0_asks_for_its_own_reason) {
    for (const auto& [reason, why] : l1_answers) EXPECT_EQ(route_l1(reason), why) << name_of(reason);
}

TEST(RouteL1, takes_every_other_exit_for_the_end_of_l1) {
    for (unsigned number = 0; number < 0x1'0000; ++number) {
        const auto reason = static_cast<Reason>(number);
        if (l1_answers.contains(reason)) continue;
        ASSERT_EQ(route_l1(reason), Why::l1_died) << number;
    }
}

TEST(RouteL1, never_reflects) {
    for (unsigned number = 0; number < 0x1'0000; ++number) {
        const Room room = room_of(route_l1(static_cast<Reason>(number)));
        ASSERT_TRUE(room == Room::l0 || room == Room::emulate) << number;
    }
}

// SDM 3C 26.1.2: CPUID, GETSEC, INVD and XSETBV exit whatever the controls say, and so do all VMX
// instructions. 26.2: task switches too. RSM exits in SMM alone.
TEST(RouteL2, unconditional_exits_are_l1s) {
    for (const Reason reason :
         {Reason::cpuid, Reason::getsec, Reason::invd, Reason::xsetbv, Reason::task_switch, Reason::rsm})
        EXPECT_EQ(route(reason), Why::l2_unconditional) << name_of(reason);
}

TEST(RouteL2, every_vmx_instruction_of_l2_is_l1s) {
    for (const Reason reason :
         {Reason::vmcall, Reason::vmclear, Reason::vmlaunch, Reason::vmptrld, Reason::vmptrst, Reason::vmread,
          Reason::vmresume, Reason::vmwrite, Reason::vmxoff, Reason::vmxon, Reason::invept, Reason::invvpid})
        EXPECT_EQ(route(reason), Why::l2_vmx_instruction) << name_of(reason);
}

TEST(RouteL2, a_vmread_or_vmwrite_is_l0s_to_look_at_where_l1_lets_l2_shadow) {
    for (const Reason reason : {Reason::vmread, Reason::vmwrite}) {
        Vmcs12 v{};
        v.set(field::primary_controls, PrimaryControls{}.with(Primary::activate_secondary_controls));
        EXPECT_EQ(route(reason, {}, v), Why::l2_vmx_instruction);
        v.set(field::secondary_controls, SecondaryControls{}.with(Secondary::vmcs_shadowing));
        EXPECT_EQ(route(reason, {}, v), Why::l2_shadowed_field);
    }
}

TEST(RouteL2, a_vm_function_is_l0s_to_perform_where_l1_allows_one) {
    EXPECT_EQ(route(Reason::vmfunc), Why::l2_controls_of_l1);
    Vmcs12 v{};
    v.set(field::vm_function_controls, vm_function::eptp_switching);
    EXPECT_EQ(route(Reason::vmfunc, {}, v), Why::l2_vm_function);
}

// L0 sets none of these controls in vmcs02 itself, so only L1 can have.
TEST(RouteL2, exits_that_only_controls_cause_are_l1s) {
    for (const Reason reason : {Reason::interrupt_window,
                                Reason::nmi_window,
                                Reason::hlt,
                                Reason::invlpg,
                                Reason::rdpmc,
                                Reason::rdtsc,
                                Reason::cr_access,
                                Reason::mov_dr,
                                Reason::mwait,
                                Reason::monitor_trap_flag,
                                Reason::monitor,
                                Reason::pause,
                                Reason::tpr_below_threshold,
                                Reason::apic_access,
                                Reason::virtualized_eoi,
                                Reason::gdtr_idtr_access,
                                Reason::ldtr_tr_access,
                                Reason::rdtscp,
                                Reason::preemption_timer,
                                Reason::wbinvd,
                                Reason::apic_write,
                                Reason::rdrand,
                                Reason::invpcid,
                                Reason::vmfunc,
                                Reason::encls,
                                Reason::rdseed,
                                Reason::pml_full,
                                Reason::xsaves,
                                Reason::xrstors})
        EXPECT_EQ(route(reason), Why::l2_controls_of_l1) << name_of(reason);
}

TEST(RouteL2, interrupts_and_signals_are_l1s) {
    for (const Reason reason :
         {Reason::external_interrupt, Reason::init_signal, Reason::sipi, Reason::io_smi, Reason::other_smi})
        EXPECT_EQ(route(reason), Why::l2_event_of_l1) << name_of(reason);
}

TEST(RouteL2, a_triple_fault_is_told_to_l1) { EXPECT_EQ(route(Reason::triple_fault), Why::l2_triple_fault); }

TEST(RouteL2, exceptions_are_l1s) {
    for (u32 vector = 0; vector < 32; ++vector) {
        constexpr u32 hardware_exception = 3u << 8, valid = 1u << 31;
        const L2Exit exit{.reason = ExitReason::of(Reason::exception_or_nmi),
                          .interruption = {valid | hardware_exception | vector}};
        EXPECT_EQ(route_l2(Vmcs12{}, exit, FakeBitmaps{}), Why::l2_exception_bitmap) << vector;
    }
}

TEST(RouteL2, an_nmi_is_l1s_if_and_only_if_l1_asked_for_nmis) {
    const L2Exit nmi{.reason = ExitReason::of(Reason::exception_or_nmi), .interruption = {0x8000'0202}};
    Vmcs12 vmcs12{};
    EXPECT_EQ(route_l2(vmcs12, nmi, FakeBitmaps{}), Why::l2_nmi_of_l0);
    vmcs12.set(field::pin_controls, {1u << 3});
    EXPECT_EQ(route_l2(vmcs12, nmi, FakeBitmaps{}), Why::l2_event_of_l1);
}

TEST(RouteL2, an_ept_violation_goes_to_compose_first) {
    EXPECT_EQ(route(Reason::ept_violation), Why::l2_ept02_fill);
    EXPECT_EQ(room_of(Why::l2_ept02_fill), Room::compose);
    EXPECT_EQ(route_l2_fixed(Vmcs12{}, {.reason = ExitReason::of(Reason::ept_violation)}),
              Why::l2_ept02_fill);
}

// ept02 itself is never misconfigured (ept-compose), so a misconfiguration is one that compose found in
// ept12.
TEST(RouteL2, an_ept_misconfiguration_is_l1s) {
    EXPECT_EQ(route(Reason::ept_misconfiguration), Why::l2_ept12_misconfiguration);
}

TEST(RouteL2, msr_accesses_are_l1s_where_its_bitmap_says_so) {
    for (const Reason reason : {Reason::rdmsr, Reason::wrmsr}) {
        for (const bool answer : {false, true}) {
            const FakeBitmaps bitmaps{.answer = answer};
            const L2Exit exit{.reason = ExitReason::of(reason), .msr = 0xc000'0080};
            EXPECT_EQ(route_l2(Vmcs12{}, exit, bitmaps), answer ? Why::l2_msr_bitmap : Why::l2_msr_l0_only);
            EXPECT_EQ(bitmaps.asked, 1);
            EXPECT_EQ(bitmaps.msr, 0xc000'0080u);
            EXPECT_EQ(bitmaps.write, reason == Reason::wrmsr);
        }
    }
}

TEST(RouteL2, port_accesses_are_l1s_where_its_controls_or_bitmaps_say_so) {
    for (const bool answer : {false, true}) {
        const FakeBitmaps bitmaps{.answer = answer};
        const L2Exit exit{.reason = ExitReason::of(Reason::io_instruction), .io = {0x03f8'0001}};
        EXPECT_EQ(route_l2(Vmcs12{}, exit, bitmaps), answer ? Why::l2_io_bitmap : Why::l2_io_l0_only);
        EXPECT_EQ(bitmaps.asked, 1);
        EXPECT_EQ(bitmaps.port, 0x3f8);
        EXPECT_EQ(bitmaps.bytes, 2u);
    }
}

TEST(RouteL2, no_other_reason_looks_at_a_bitmap) {
    for (unsigned number = 0; number < reason_count; ++number) {
        const auto reason = static_cast<Reason>(number);
        if (reason == Reason::rdmsr || reason == Reason::wrmsr || reason == Reason::io_instruction) continue;
        const FakeBitmaps bitmaps{};
        (void)route(reason, bitmaps);
        EXPECT_EQ(bitmaps.asked, 0) << name_of(reason);
    }
}

// SDM 3C 27.8: bit 31 says that the entry failed; what the basic reason would mean otherwise does not matter.
TEST(RouteL2, a_failed_entry_is_l1s_whatever_its_basic_reason) {
    for (unsigned number = 0; number < 0x1'0000; ++number) {
        const L2Exit exit{.reason = ExitReason::failed_entry(static_cast<Reason>(number))};
        ASSERT_EQ(route_l2(Vmcs12{}, exit, FakeBitmaps{}), Why::l2_failed_entry) << number;
    }
}

TEST(RouteL2, a_reason_without_a_name_is_l1s) {
    for (unsigned number = 65; number < 0x1'0000; ++number)
        ASSERT_EQ(route(static_cast<Reason>(number)), Why::l2_unnamed_reason) << number;
    for (const u16 number : {u16{35}, u16{38}, u16{42}})
        EXPECT_EQ(route(static_cast<Reason>(number)), Why::l2_unnamed_reason) << number;
}

TEST(Why, each_decision_has_a_name_and_a_room_that_fits_its_level) {
    std::map<std::string, int> names;
    for (usize i = 0; i < why_count; ++i) {
        const auto why = static_cast<Why>(i);
        const std::string name = name_of(why);
        ++names[name];
        const bool of_l1 = name.starts_with("l1_");
        EXPECT_TRUE(of_l1 || name.starts_with("l2_")) << name;
        if (of_l1) {
            EXPECT_NE(room_of(why), Room::reflect) << name;
        } else {
            EXPECT_NE(room_of(why), Room::emulate) << name;
        }
    }
    EXPECT_EQ(names.size(), why_count);
}

TEST(Room, has_a_name) {
    EXPECT_STREQ(name_of(Room::l0), "l0");
    EXPECT_STREQ(name_of(Room::emulate), "emulate");
    EXPECT_STREQ(name_of(Room::compose), "compose");
    EXPECT_STREQ(name_of(Room::reflect), "reflect");
}

}  // namespace
}  // namespace kurma::vmx
