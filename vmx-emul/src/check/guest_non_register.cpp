// Guest state that is no register: activity, interruptibility, pending debug exceptions, the VMCS link
// pointer (SDM 3C 27.3.1.5).
#include "guest.hpp"

namespace kurma::vmx {

CheckResult check_link_pointer(const Vmcs12& vmcs12, std::optional<u32> word_there,
                               const Capabilities& offered) {
    const u64 pointer = vmcs12.get(field::vmcs_link_pointer);
    if (pointer == no_pointer) return {};
    if (!offered.page_address(pointer)) return {CheckId::link_pointer_address, pointer};
    if (!word_there || (*word_there & ~shadow_indicator) != offered.revision())
        return {CheckId::link_pointer_revision, pointer};
    const bool shadow = (*word_there & shadow_indicator) != 0;
    if (shadow != vmcs12.secondary().has(Secondary::vmcs_shadowing))
        return {CheckId::link_pointer_shadow_indicator, pointer};
    if (pointer == vmcs12.region.value()) return {CheckId::link_pointer_current, pointer};
    return {};
}

namespace guest_checks {

namespace {

/// Whether an event reaches a processor in an activity state, by the manual's list. (Bochs 2.7 lets any event
/// through to a halted guest.)
bool reaches(InterruptionInfo event, ActivityState state) {
    const bool exception = event.type() == EventType::hardware_exception;
    const bool machine_check = exception && event.vector() == static_cast<u8>(x86::Vector::machine_check);
    const bool debug = exception && event.vector() == static_cast<u8>(x86::Vector::debug);
    const bool nmi = event.type() == EventType::nmi;
    switch (state) {
        case ActivityState::active: return true;
        case ActivityState::hlt:
            return nmi || machine_check || debug || event.type() == EventType::external_interrupt ||
                   (event.type() == EventType::other_event && event.vector() == 0);
        case ActivityState::shutdown: return nmi || machine_check;
        case ActivityState::wait_for_sipi: return false;
    }
    return false;
}

/// IA32_VMX_MISC[8:6] has a bit for each activity state but the active one (A.6).
bool supported(u32 state, const Capabilities& offered) {
    constexpr u32 last = static_cast<u32>(ActivityState::wait_for_sipi);
    return state == 0 || (state <= last && ((offered.misc >> (5 + state)) & 1) != 0);
}

GuestCheckResult check_activity(const GuestEntry& g) {
    constexpr FieldId field = FieldId::guest_activity_state;
    const u32 raw = g.get(field::guest_activity_state);
    if (!supported(raw, g.offered)) return breaks(g, CheckId::guest_activity_unsupported, field);
    const auto state = static_cast<ActivityState>(raw);
    if (state == ActivityState::hlt && g.get(field::guest_ss_access_rights).dpl() != 0)
        return breaks(g, CheckId::guest_hlt_dpl, field);
    if (state != ActivityState::active && g.blocked_by(interruptibility::sti | interruptibility::mov_ss))
        return breaks(g, CheckId::guest_activity_blocking, field);
    if (g.event().valid() && !reaches(g.event(), state))
        return breaks(g, CheckId::guest_activity_event, field);
    if (state == ActivityState::wait_for_sipi && g.has(Entry::entry_to_smm))
        return breaks(g, CheckId::guest_wait_for_sipi_in_smm, field);
    return {};
}

GuestCheckResult check_interruptibility(const GuestEntry& g) {
    using namespace interruptibility;
    const auto broken = [&](CheckId id) { return breaks(g, id, FieldId::guest_interruptibility); };
    constexpr u32 defined = sti | mov_ss | smi | nmi | enclave;
    const bool interrupts = (g.get(field::guest_rflags) & x86::rflags::intf) != 0;
    if (g.blocked_by(~defined)) return broken(CheckId::guest_interruptibility_reserved);
    if (g.blocked_by(sti) && g.blocked_by(mov_ss)) return broken(CheckId::guest_sti_and_mov_ss);
    if (g.blocked_by(sti) && !interrupts) return broken(CheckId::guest_sti_without_if);
    if (g.injects(EventType::external_interrupt) && g.blocked_by(sti | mov_ss))
        return broken(CheckId::guest_interrupt_blocked);
    if (g.injects(EventType::nmi) && g.blocked_by(mov_ss))
        return broken(CheckId::guest_nmi_blocked_by_mov_ss);
    // L1 is never in SMM.
    if (g.blocked_by(smi)) return broken(CheckId::guest_smi_blocked);
    if (g.has(Entry::entry_to_smm)) return broken(CheckId::guest_smi_not_blocked);
    return {};
}

GuestCheckResult check_nmi_and_enclave_blocking(const GuestEntry& g) {
    using namespace interruptibility;
    const auto broken = [&](CheckId id) { return breaks(g, id, FieldId::guest_interruptibility); };
    if (g.around.sti_blocks_nmis && g.injects(EventType::nmi) && g.blocked_by(sti))
        return broken(CheckId::guest_nmi_blocked_by_sti);
    if (g.get(field::pin_controls).has(Pin::virtual_nmis) && g.injects(EventType::nmi) && g.blocked_by(nmi))
        return broken(CheckId::guest_virtual_nmi_blocked);
    if (g.blocked_by(enclave) && (g.blocked_by(mov_ss) || !g.around.sgx))
        return broken(CheckId::guest_enclave_interruption);
    return {};
}

GuestCheckResult check_pending_debug(const GuestEntry& g) {
    using namespace pending_debug;
    const auto broken = [&](CheckId id) { return breaks(g, id, FieldId::guest_pending_debug_exceptions); };
    const u64 pending = g.get(field::guest_pending_debug_exceptions);
    if ((pending & reserved) != 0) return broken(CheckId::guest_pending_debug_reserved);
    const bool halted = g.get(field::guest_activity_state) == static_cast<u32>(ActivityState::hlt);
    if (halted || g.blocked_by(interruptibility::sti | interruptibility::mov_ss)) {
        const bool single_step = (g.get(field::guest_rflags) & x86::rflags::tf) != 0 &&
                                 (g.get(field::guest_debugctl) & x86::debugctl::btf) == 0;
        const bool bs = (pending & single_stepped) != 0;
        if (single_step && !bs) return broken(CheckId::guest_pending_debug_bs_missing);
        if (!single_step && bs) return broken(CheckId::guest_pending_debug_bs_unexpected);
    }
    const bool alone = pending == (transactional | enabled_breakpoint);
    if ((pending & transactional) != 0 && (!alone || !g.around.rtm || g.blocked_by(interruptibility::mov_ss)))
        return broken(CheckId::guest_pending_debug_rtm);
    return {};
}

GuestCheckResult check_link(const GuestEntry& g) {
    const CheckResult result = check_link_pointer(g.v, g.around.word_at_link_pointer, g.offered);
    return {result.failed, FieldId::vmcs_link_pointer, result.value};
}

}  // namespace

GuestCheckResult check_guest_non_register(const GuestEntry& entry) {
    return first_broken(entry, {check_activity, check_interruptibility, check_nmi_and_enclave_blocking,
                                check_pending_debug, check_link});
}

}  // namespace guest_checks
}  // namespace kurma::vmx
