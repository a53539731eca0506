// Checks of control fields, in the order of SDM 3C 27.2.1.
#include <vmx/check.hpp>

namespace kurma::vmx {

namespace {

/// An area of 16-byte entries (SDM 3C 25.7.2): aligned, and its last byte within the physical-address width.
bool msr_area(u64 address, u32 count, const Capabilities& offered) {
    if (count == 0) return true;
    const u64 last = address + u64{count} * 16 - 1;
    return (address & 0xf) == 0 && (address >> offered.physical_address_width) == 0 &&
           (last >> offered.physical_address_width) == 0;
}

CheckResult check_execution(const Vmcs12& v, const Capabilities& offered) {
    const PinControls pin = v.get(field::pin_controls);
    const PrimaryControls primary = v.get(field::primary_controls);
    const SecondaryControls secondary = v.secondary();
    if (!offered.effective_pin().allows(pin.raw)) return {CheckId::pin_reserved, pin.raw};
    if (!offered.effective_primary().allows(primary.raw)) return {CheckId::primary_reserved, primary.raw};
    if (primary.has(Primary::activate_secondary_controls) && !offered.secondary.allows(secondary.raw))
        return {CheckId::secondary_reserved, secondary.raw};
    if (v.get(field::cr3_target_count) > offered.cr3_targets())
        return {CheckId::cr3_target_count, v.get(field::cr3_target_count)};
    if (primary.has(Primary::use_io_bitmaps)) {
        if (!offered.page_address(v.get(field::io_bitmap_a)))
            return {CheckId::io_bitmap_a_address, v.get(field::io_bitmap_a)};
        if (!offered.page_address(v.get(field::io_bitmap_b)))
            return {CheckId::io_bitmap_b_address, v.get(field::io_bitmap_b)};
    }
    if (primary.has(Primary::use_msr_bitmaps) && !offered.page_address(v.get(field::msr_bitmap)))
        return {CheckId::msr_bitmap_address, v.get(field::msr_bitmap)};
    if (primary.has(Primary::use_tpr_shadow)) {
        if (!offered.page_address(v.get(field::virtual_apic_address)))
            return {CheckId::virtual_apic_address, v.get(field::virtual_apic_address)};
        if ((v.get(field::tpr_threshold) & ~u32{0xf}) != 0)
            return {CheckId::tpr_threshold_reserved, v.get(field::tpr_threshold)};
    } else if (secondary.has(Secondary::virtualize_x2apic_mode)) {
        return {CheckId::tpr_shadow_for_x2apic, secondary.raw};
    }
    if (!pin.has(Pin::nmi_exiting) && pin.has(Pin::virtual_nmis))
        return {CheckId::nmi_exiting_for_virtual_nmis, pin.raw};
    if (!pin.has(Pin::virtual_nmis) && primary.has(Primary::nmi_window_exiting))
        return {CheckId::virtual_nmis_for_nmi_window, primary.raw};
    if (secondary.has(Secondary::virtualize_apic_accesses)) {
        if (!offered.page_address(v.get(field::apic_access_address)))
            return {CheckId::apic_access_address, v.get(field::apic_access_address)};
        if (secondary.has(Secondary::virtualize_x2apic_mode))
            return {CheckId::x2apic_excludes_apic_access, secondary.raw};
    }
    if (secondary.has(Secondary::enable_vpid) && v.get(field::vpid) == 0) return {CheckId::vpid_zero, 0};
    if (secondary.has(Secondary::enable_ept) && !v.get(field::eptp).valid(offered.ept()))
        return {CheckId::eptp, v.get(field::eptp).bits()};
    if (secondary.has(Secondary::unrestricted_guest) && !secondary.has(Secondary::enable_ept))
        return {CheckId::ept_for_unrestricted_guest, secondary.raw};
    return {};
}

CheckResult check_exit_and_entry(const Vmcs12& v, const Capabilities& offered) {
    const ExitControls exit = v.get(field::exit_controls);
    const EntryControls entry = v.get(field::entry_controls);
    if (!offered.effective_exit().allows(exit.raw)) return {CheckId::exit_reserved, exit.raw};
    if (exit.has(Exit::save_preemption_timer) && !v.get(field::pin_controls).has(Pin::preemption_timer))
        return {CheckId::timer_for_save_timer, exit.raw};
    if (!msr_area(v.get(field::exit_msr_store_address), v.get(field::exit_msr_store_count), offered))
        return {CheckId::exit_msr_store_area, v.get(field::exit_msr_store_address)};
    if (!msr_area(v.get(field::exit_msr_load_address), v.get(field::exit_msr_load_count), offered))
        return {CheckId::exit_msr_load_area, v.get(field::exit_msr_load_address)};
    if (!offered.effective_entry().allows(entry.raw)) return {CheckId::entry_reserved, entry.raw};
    if (!msr_area(v.get(field::entry_msr_load_address), v.get(field::entry_msr_load_count), offered))
        return {CheckId::entry_msr_load_area, v.get(field::entry_msr_load_address)};
    if (entry.has(Entry::entry_to_smm) || entry.has(Entry::deactivate_dual_monitor))
        return {CheckId::entry_to_smm, entry.raw};
    return {};
}

}  // namespace

CheckResult check_controls(const Vmcs12& vmcs12, const Capabilities& offered) {
    const CheckResult execution = check_execution(vmcs12, offered);
    return execution.passed() ? check_exit_and_entry(vmcs12, offered) : execution;
}

CheckResult check_link_pointer(u64 link_pointer, std::optional<u32> revision_there,
                               const Capabilities& offered) {
    if (link_pointer == no_pointer) return {};
    if (!offered.page_address(link_pointer) || !revision_there || *revision_there != offered.revision())
        return {CheckId::link_pointer, link_pointer};
    return {};
}

std::optional<CheckedVmcs12> Checker::check(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                            CheckResult& failure, VmInstructionError& error) {
    if (!vmcs12.checked || vmcs12.checked_mode != mode) {
        failure = check_controls(vmcs12, offered);
        error = VmInstructionError::entry_invalid_control;
        if (!failure.passed()) return std::nullopt;
        failure = check_host_state(vmcs12, offered, mode);
        error = VmInstructionError::entry_invalid_host_state;
        if (!failure.passed()) return std::nullopt;
        vmcs12.checked = true;
        vmcs12.checked_mode = mode;
    }
    return CheckedVmcs12{vmcs12};
}

}  // namespace kurma::vmx
