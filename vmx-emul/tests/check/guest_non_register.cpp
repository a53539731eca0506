// Activity, interruptibility, pending debug exceptions, the VMCS link pointer (SDM 3C 27.3.1.5).
#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

constexpr u32 active = 0, hlt = 1, shutdown = 2, wait_for_sipi = 3;
constexpr u32 sti = 1, mov_ss = 2, smi = 4, nmi = 8, enclave = 16;
constexpr u64 rflags_tf = 1u << 8;

GuestCheckResult bad_activity(CheckId id, u32 state) { return violates(id, guest_activity_state, state); }
GuestCheckResult bad_blocking(CheckId id, u32 state) { return violates(id, guest_interruptibility, state); }
GuestCheckResult bad_pending(CheckId id, u64 value) {
    return violates(id, guest_pending_debug_exceptions, value);
}

TEST(CheckActivityState, is_one_that_the_processor_has) {
    for (u32 state = 0; state < 40; ++state)
        EXPECT_EQ(in_64_bit_mode(with(guest_activity_state, state)),
                  state < 4 ? valid : bad_activity(CheckId::guest_activity_unsupported, state));
    for (u32 state = 1; state < 4; ++state) {
        Capabilities without = offered;
        without.misc &= ~(u64{1} << (5 + state));
        Vmcs12 v = valid_64_bit_guest(offered);
        v.set(guest_activity_state, state);
        EXPECT_EQ(check_guest_state(v, without, {}),
                  bad_activity(CheckId::guest_activity_unsupported, state));
    }
}

TEST(CheckActivityState, only_privilege_level_0_is_halted) {
    const Change user = all({with(guest_ss_access_rights, {sample::data | 3u << 5}),
                             with(guest_cs_access_rights, {sample::code_64 | 3u << 5})});
    EXPECT_EQ(in_64_bit_mode(user), valid);
    EXPECT_EQ(in_64_bit_mode(all({user, with(guest_activity_state, hlt)})),
              bad_activity(CheckId::guest_hlt_dpl, hlt));
    EXPECT_EQ(in_64_bit_mode(all({user, with(guest_activity_state, shutdown)})), valid);
}

TEST(CheckActivityState, is_active_where_sti_or_mov_ss_blocks) {
    for (const u32 blocking : {sti, mov_ss})
        for (const u32 state : {hlt, shutdown, wait_for_sipi})
            EXPECT_EQ(in_64_bit_mode(
                          all({with(guest_interruptibility, blocking), with(guest_activity_state, state)})),
                      bad_activity(CheckId::guest_activity_blocking, state));
    EXPECT_EQ(in_64_bit_mode(all({with(guest_interruptibility, nmi), with(guest_activity_state, hlt)})),
              valid);
}

// The manual's list of events for each state.
TEST(CheckActivityState, lets_through_the_events_that_reach_it) {
    struct Case {
        EventType type;
        u8 vector;
        bool halted, shut_down;
    };
    constexpr Case cases[]{
        {EventType::external_interrupt, 32, true, false},
        {EventType::nmi, 2, true, true},
        {EventType::hardware_exception, 1, true, false},
        {EventType::hardware_exception, 18, true, true},
        {EventType::hardware_exception, 6, false, false},
        {EventType::software_interrupt, 1, false, false},
        {EventType::software_interrupt, 18, false, false},
        {EventType::privileged_software_exception, 1, false, false},
        {EventType::software_exception, 3, false, false},
        {EventType::other_event, 0, true, false},
        {EventType::other_event, 1, false, false},
    };
    for (const Case& c : cases) {
        const auto in_state = [&](u32 state) {
            return in_64_bit_mode(all({inject(c.type, c.vector), with(guest_activity_state, state)}));
        };
        const auto name = static_cast<int>(c.type);
        EXPECT_EQ(in_state(active), valid) << name;
        EXPECT_EQ(in_state(hlt), c.halted ? valid : bad_activity(CheckId::guest_activity_event, hlt)) << name;
        EXPECT_EQ(in_state(shutdown),
                  c.shut_down ? valid : bad_activity(CheckId::guest_activity_event, shutdown))
            << name;
        EXPECT_EQ(in_state(wait_for_sipi), bad_activity(CheckId::guest_activity_event, wait_for_sipi))
            << name;
    }
}

TEST(CheckActivityState, nobody_waits_for_a_startup_in_smm) {
    EXPECT_EQ(in_64_bit_mode(
                  all({with(guest_activity_state, wait_for_sipi), on(entry_controls, Entry::entry_to_smm)})),
              bad_activity(CheckId::guest_wait_for_sipi_in_smm, wait_for_sipi));
}

TEST(CheckInterruptibility, has_no_reserved_bit) {
    for (unsigned bit = 5; bit < 32; ++bit)
        EXPECT_EQ(in_64_bit_mode(with(guest_interruptibility, 1u << bit)),
                  bad_blocking(CheckId::guest_interruptibility_reserved, 1u << bit));
    EXPECT_EQ(in_64_bit_mode(with(guest_interruptibility, nmi)), valid);
    EXPECT_EQ(in_64_bit_mode(with(guest_interruptibility, sti | nmi)), valid);
    EXPECT_EQ(in_64_bit_mode(with(guest_interruptibility, mov_ss | nmi)), valid);
}

TEST(CheckInterruptibility, sti_and_mov_ss_do_not_both_block) {
    EXPECT_EQ(in_64_bit_mode(with(guest_interruptibility, sti | mov_ss)),
              bad_blocking(CheckId::guest_sti_and_mov_ss, sti | mov_ss));
}

TEST(CheckInterruptibility, sti_blocks_only_where_it_has_set_the_flag) {
    EXPECT_EQ(in_64_bit_mode(all({with(guest_rflags, 0x2), with(guest_interruptibility, sti)})),
              bad_blocking(CheckId::guest_sti_without_if, sti));
    EXPECT_EQ(in_64_bit_mode(all({with(guest_rflags, 0x2), with(guest_interruptibility, mov_ss)})), valid);
}

TEST(CheckInterruptibility, an_external_interrupt_is_not_injected_where_it_is_blocked) {
    for (const u32 blocking : {sti, mov_ss})
        EXPECT_EQ(in_64_bit_mode(all(
                      {with(guest_interruptibility, blocking), inject(EventType::external_interrupt, 32)})),
                  bad_blocking(CheckId::guest_interrupt_blocked, blocking));
    EXPECT_EQ(
        in_64_bit_mode(all({with(guest_interruptibility, nmi), inject(EventType::external_interrupt, 32)})),
        valid);
    EXPECT_EQ(in_64_bit_mode(
                  all({with(guest_interruptibility, mov_ss), inject(EventType::software_interrupt, 32)})),
              valid);
}

TEST(CheckInterruptibility, an_nmi_is_not_injected_where_mov_ss_blocks_it) {
    EXPECT_EQ(in_64_bit_mode(all({with(guest_interruptibility, mov_ss), inject(EventType::nmi, 2)})),
              bad_blocking(CheckId::guest_nmi_blocked_by_mov_ss, mov_ss));
}

TEST(CheckInterruptibility, an_nmi_is_not_injected_where_sti_blocks_it_if_the_processor_says_so) {
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(guest_interruptibility, sti);
    v.set(entry_interruption_info, InterruptionInfo::make(EventType::nmi, 2, false));
    EXPECT_EQ(check(v), bad_blocking(CheckId::guest_nmi_blocked_by_sti, sti));
    EXPECT_EQ(check(v).qualification(), 3u);
    EXPECT_EQ(check(v, {.sti_blocks_nmis = false}), valid);
}

TEST(CheckInterruptibility, smis_are_blocked_in_smm_and_nowhere_else) {
    EXPECT_EQ(in_64_bit_mode(with(guest_interruptibility, smi)),
              bad_blocking(CheckId::guest_smi_blocked, smi));
    EXPECT_EQ(in_64_bit_mode(on(entry_controls, Entry::entry_to_smm)),
              bad_blocking(CheckId::guest_smi_not_blocked, 0));
}

TEST(CheckInterruptibility, a_virtual_nmi_is_not_injected_where_it_is_blocked) {
    const Change injected = all({with(guest_interruptibility, nmi), inject(EventType::nmi, 2)});
    EXPECT_EQ(in_64_bit_mode(injected), bad_blocking(CheckId::guest_virtual_nmi_blocked, nmi));
    EXPECT_EQ(in_64_bit_mode(all({injected, off(pin_controls, Pin::virtual_nmis)})), valid);
    EXPECT_EQ(in_64_bit_mode(all({injected, inject(EventType::external_interrupt, 32)})), valid);
}

TEST(CheckInterruptibility, an_enclave_is_interrupted_where_there_are_enclaves_and_no_mov_ss) {
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(guest_interruptibility, enclave);
    EXPECT_EQ(check(v), bad_blocking(CheckId::guest_enclave_interruption, enclave));
    EXPECT_EQ(check(v, {.sgx = true}), valid);
    v.set(guest_interruptibility, enclave | mov_ss);
    EXPECT_EQ(check(v, {.sgx = true}), bad_blocking(CheckId::guest_enclave_interruption, enclave | mov_ss));
}

TEST(CheckPendingDebug, has_no_reserved_bit) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit == 16) continue;
        const u64 value = u64{1} << bit;
        const bool defined = bit < 4 || bit == 12 || bit == 14;
        EXPECT_EQ(in_64_bit_mode(with(guest_pending_debug_exceptions, value)),
                  defined ? valid : bad_pending(CheckId::guest_pending_debug_reserved, value))
            << bit;
    }
}

TEST(CheckPendingDebug, a_blocked_or_halted_guest_has_stepped_if_and_only_if_it_single_steps) {
    constexpr u64 bs = 1u << 14, btf = 2;
    const Change blocked[]{with(guest_interruptibility, sti), with(guest_interruptibility, mov_ss),
                           with(guest_activity_state, hlt)};
    for (const Change& block : blocked)
        for (const bool tf : {false, true})
            for (const bool branches : {false, true})
                for (const u64 pending : {u64{0}, bs}) {
                    const bool steps = tf && !branches;
                    EXPECT_EQ(in_64_bit_mode(all({block, with(guest_rflags, 0x202 | (tf ? rflags_tf : 0)),
                                                  with(guest_debugctl, branches ? btf : 0),
                                                  with(guest_pending_debug_exceptions, pending)})),
                              steps && pending == 0 ? bad_pending(CheckId::guest_pending_debug_bs_missing, 0)
                              : !steps && pending != 0
                                  ? bad_pending(CheckId::guest_pending_debug_bs_unexpected, bs)
                                  : valid);
                }
}

TEST(CheckPendingDebug, a_guest_that_just_runs_may_have_stepped_or_not) {
    for (const u64 rflags : {u64{0x202}, 0x202 | rflags_tf})
        for (const u64 pending : {u64{0}, u64{1} << 14})
            EXPECT_EQ(in_64_bit_mode(
                          all({with(guest_rflags, rflags), with(guest_pending_debug_exceptions, pending)})),
                      valid);
}

TEST(CheckPendingDebug, a_transaction_is_interrupted_by_a_breakpoint_and_nothing_else) {
    constexpr u64 rtm = 1u << 16, breakpoint = 1u << 12;
    const auto with_rtm = [](u64 pending, u32 blocking = 0) {
        Vmcs12 v = valid_64_bit_guest(offered);
        v.set(guest_pending_debug_exceptions, pending);
        v.set(guest_interruptibility, blocking);
        return check(v, {.rtm = true});
    };
    EXPECT_EQ(with_rtm(rtm | breakpoint), valid);
    EXPECT_EQ(with_rtm(rtm), bad_pending(CheckId::guest_pending_debug_rtm, rtm)) << "bit 12 is missing";
    for (const u64 more : {u64{1}, u64{8}, u64{1} << 14})
        EXPECT_EQ(with_rtm(rtm | breakpoint | more),
                  bad_pending(CheckId::guest_pending_debug_rtm, rtm | breakpoint | more));
    EXPECT_EQ(with_rtm(rtm | breakpoint, mov_ss),
              bad_pending(CheckId::guest_pending_debug_rtm, rtm | breakpoint));
    EXPECT_EQ(in_64_bit_mode(with(guest_pending_debug_exceptions, rtm | breakpoint)),
              bad_pending(CheckId::guest_pending_debug_rtm, rtm | breakpoint))
        << "a processor without transactions";
}

constexpr u32 revision = 0x2b, shadow = 1u << 31;

GuestCheckResult link(
    u64 pointer, std::optional<u32> word, const Change& change = [](Vmcs12&) {}) {
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(vmcs_link_pointer, pointer);
    change(v);
    return check(v, {.word_at_link_pointer = word});
}
GuestCheckResult bad_link(CheckId id, u64 pointer) { return violates(id, vmcs_link_pointer, pointer); }

TEST(CheckLinkPointer, points_nowhere_or_to_a_page_within_the_physical_address_width) {
    EXPECT_EQ(link(~u64{0}, std::nullopt), valid);
    EXPECT_EQ(link(0x5000, revision), valid);
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        const u64 pointer = 0x5000 ^ u64 { 1 } << bit;
        EXPECT_EQ(link(pointer, revision), bad_link(CheckId::link_pointer_address, pointer)) << bit;
    }
}

TEST(CheckLinkPointer, the_region_has_this_processors_revision) {
    EXPECT_EQ(link(0x5000, std::nullopt), bad_link(CheckId::link_pointer_revision, 0x5000));
    EXPECT_EQ(link(0x5000, revision + 1), bad_link(CheckId::link_pointer_revision, 0x5000));
    EXPECT_EQ(link(0x5000, ~u32{0}), bad_link(CheckId::link_pointer_revision, 0x5000));
}

TEST(CheckLinkPointer, the_region_is_a_shadow_exactly_where_shadowing_is_in_use) {
    const Change shadowing = on(secondary_controls, Secondary::vmcs_shadowing);
    EXPECT_EQ(link(0x5000, revision | shadow), bad_link(CheckId::link_pointer_shadow_indicator, 0x5000));
    EXPECT_EQ(link(0x5000, revision, shadowing), bad_link(CheckId::link_pointer_shadow_indicator, 0x5000));
    EXPECT_EQ(link(0x5000, revision | shadow, shadowing), valid);
    EXPECT_EQ(link(0x5000, revision | shadow,
                   all({shadowing, off(primary_controls, Primary::activate_secondary_controls)})),
              bad_link(CheckId::link_pointer_shadow_indicator, 0x5000));
}

TEST(CheckLinkPointer, is_not_the_current_vmcs) {
    const u64 current = valid_64_bit_guest(offered).region.value();
    EXPECT_EQ(link(current, revision), bad_link(CheckId::link_pointer_current, current));
}

TEST(CheckLinkPointer, a_failure_has_exit_qualification_4) {
    EXPECT_EQ(link(1, revision).qualification(), 4u);
    EXPECT_EQ(link(0x5000, 0).qualification(), 4u);
    EXPECT_EQ(link(0x5000, revision | shadow).qualification(), 4u);
    EXPECT_EQ(link(valid_64_bit_guest(offered).region.value(), revision).qualification(), 4u);
    EXPECT_EQ(in_64_bit_mode(with(guest_cr0, 0)).qualification(), 0u) << "other failures have none";
}

TEST(CheckGuestNonRegister, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(in_64_bit_mode(all({with(vmcs_link_pointer, 1), with(guest_interruptibility, smi)})),
              bad_blocking(CheckId::guest_smi_blocked, smi));
    EXPECT_EQ(in_64_bit_mode(all({with(guest_activity_state, 4), with(guest_interruptibility, ~u32{0})})),
              bad_activity(CheckId::guest_activity_unsupported, 4));
}

}  // namespace
}  // namespace kurma::vmx
