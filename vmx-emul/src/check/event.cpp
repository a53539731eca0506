// The event to inject, entry to SMM (SDM 3C 27.2.1.3) and the TPR threshold against the virtual TPR
// (27.2.1.1): what of the control fields depends on more than controls.
#include <vmx/check.hpp>

namespace kurma::vmx {

namespace {

bool type_allowed(EventType type, const Capabilities& offered) {
    switch (type) {
        case EventType::external_interrupt:
        case EventType::nmi:
        case EventType::hardware_exception:
        case EventType::software_interrupt:
        case EventType::privileged_software_exception:
        case EventType::software_exception: return true;
        case EventType::other_event: return offered.may(Primary::monitor_trap_flag);
        case EventType::reserved: return false;
    }
    return false;
}

bool vector_fits(InterruptionInfo event) {
    switch (event.type()) {
        case EventType::nmi: return event.vector() == static_cast<u8>(x86::Vector::nmi);
        case EventType::hardware_exception: return event.vector() <= x86::last_exception_vector;
        case EventType::other_event: return event.vector() == 0;
        case EventType::external_interrupt:
        case EventType::software_interrupt:
        case EventType::privileged_software_exception:
        case EventType::software_exception:
        case EventType::reserved: return true;
    }
    return true;
}

/// In real mode no exception has an error code, and only an unrestricted guest may be in real mode.
/// IA32_VMX_BASIC[56] leaves it to software whether an exception comes with one (A.1).
CheckResult check_delivery_of_error_code(const Vmcs12& v, const Capabilities& offered) {
    const InterruptionInfo event = v.get(field::entry_interruption_info);
    const bool real_mode =
        v.secondary().has(Secondary::unrestricted_guest) && (v.get(field::guest_cr0) & x86::cr0::pe) == 0;
    const bool may = event.type() == EventType::hardware_exception && !real_mode;
    const bool any_vector = ((offered.basic >> 56) & 1) != 0;
    const bool usual = x86::pushes_error_code(event.vector());
    if (event.error_code_valid() && !(may && (any_vector || usual)))
        return {CheckId::event_error_code_unexpected, event.raw};
    if (!event.error_code_valid() && may && !any_vector && usual)
        return {CheckId::event_error_code_missing, event.raw};
    return {};
}

/// IA32_VMX_MISC[30] allows a software event without an instruction (A.6).
bool length_allowed(u32 length, const Capabilities& offered) {
    constexpr u32 longest_instruction = 15;
    return length <= longest_instruction && (length != 0 || ((offered.misc >> 30) & 1) != 0);
}

}  // namespace

CheckResult check_event(const Vmcs12& vmcs12, const Capabilities& offered) {
    const InterruptionInfo event = vmcs12.get(field::entry_interruption_info);
    if (!event.valid()) return {};
    if (!type_allowed(event.type(), offered)) return {CheckId::event_type, event.raw};
    if (!vector_fits(event)) return {CheckId::event_vector, event.raw};
    if (const CheckResult r = check_delivery_of_error_code(vmcs12, offered); !r.passed()) return r;
    if ((event.raw & InterruptionInfo::entry_reserved) != 0) return {CheckId::event_reserved, event.raw};
    const u32 error_code = vmcs12.get(field::entry_exception_error_code);
    if (event.error_code_valid() && (error_code >> 16) != 0)
        return {CheckId::event_error_code_reserved, error_code};
    const u32 length = vmcs12.get(field::entry_instruction_length);
    if (event.needs_instruction_length() && !length_allowed(length, offered))
        return {CheckId::event_instruction_length, length};
    return {};
}

CheckResult check_entry_to_smm(const Vmcs12& vmcs12) {
    const EntryControls entry = vmcs12.get(field::entry_controls);
    if (entry.has(Entry::entry_to_smm) || entry.has(Entry::deactivate_dual_monitor))
        return {CheckId::entry_to_smm, entry.raw};
    return {};
}

CheckResult check_tpr_threshold(const Vmcs12& vmcs12, u8 vtpr) {
    const SecondaryControls secondary = vmcs12.secondary();
    const u32 threshold = vmcs12.get(field::tpr_threshold);
    if (!vmcs12.get(field::primary_controls).has(Primary::use_tpr_shadow) ||
        secondary.has(Secondary::virtualize_apic_accesses) ||
        secondary.has(Secondary::virtual_interrupt_delivery))
        return {};
    if ((threshold & 0xf) > (vtpr >> 4)) return {CheckId::tpr_threshold_above_vtpr, threshold};
    return {};
}

}  // namespace kurma::vmx
