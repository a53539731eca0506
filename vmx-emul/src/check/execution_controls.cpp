// Checks of VM-execution control fields, in the order of SDM 3C 27.2.1.1.
#include "groups.hpp"

namespace kurma::vmx::control_checks {

CheckResult check_words(const Vmcs12& v, const Capabilities& offered) {
    const PinControls pin = v.get(field::pin_controls);
    const PrimaryControls primary = v.get(field::primary_controls);
    const SecondaryControls secondary = v.secondary();
    if (!offered.effective_pin().allows(pin.raw)) return {CheckId::pin_reserved, pin.raw};
    if (!offered.effective_primary().allows(primary.raw)) return {CheckId::primary_reserved, primary.raw};
    if (primary.has(Primary::activate_secondary_controls) && !offered.secondary.allows(secondary.raw))
        return {CheckId::secondary_reserved, secondary.raw};
    return {};
}

CheckResult check_cr3_targets(const Vmcs12& v, const Capabilities& offered) {
    if (v.get(field::cr3_target_count) > offered.cr3_targets())
        return {CheckId::cr3_target_count, v.get(field::cr3_target_count)};
    return {};
}

CheckResult check_bitmaps(const Vmcs12& v, const Capabilities& offered) {
    const PrimaryControls primary = v.get(field::primary_controls);
    if (primary.has(Primary::use_io_bitmaps)) {
        if (!offered.page_address(v.get(field::io_bitmap_a)))
            return {CheckId::io_bitmap_a_address, v.get(field::io_bitmap_a)};
        if (!offered.page_address(v.get(field::io_bitmap_b)))
            return {CheckId::io_bitmap_b_address, v.get(field::io_bitmap_b)};
    }
    if (primary.has(Primary::use_msr_bitmaps) && !offered.page_address(v.get(field::msr_bitmap)))
        return {CheckId::msr_bitmap_address, v.get(field::msr_bitmap)};
    return {};
}

CheckResult check_virtual_apic(const Vmcs12& v, const Capabilities& offered) {
    if (!v.get(field::primary_controls).has(Primary::use_tpr_shadow)) return {};
    if (!offered.page_address(v.get(field::virtual_apic_address)))
        return {CheckId::virtual_apic_address, v.get(field::virtual_apic_address)};
    return {};
}

CheckResult check_threshold(const Vmcs12& v, const Capabilities&) {
    if (!v.get(field::primary_controls).has(Primary::use_tpr_shadow)) return {};
    const u32 threshold = v.get(field::tpr_threshold);
    if (!v.secondary().has(Secondary::virtual_interrupt_delivery) && (threshold & ~u32{0xf}) != 0)
        return {CheckId::tpr_threshold_reserved, threshold};
    return {};
}

CheckResult check_nmis(const Vmcs12& v, const Capabilities&) {
    const PinControls pin = v.get(field::pin_controls);
    const PrimaryControls primary = v.get(field::primary_controls);
    if (!pin.has(Pin::nmi_exiting) && pin.has(Pin::virtual_nmis))
        return {CheckId::nmi_exiting_for_virtual_nmis, pin.raw};
    if (!pin.has(Pin::virtual_nmis) && primary.has(Primary::nmi_window_exiting))
        return {CheckId::virtual_nmis_for_nmi_window, primary.raw};
    return {};
}

CheckResult check_apic(const Vmcs12& v, const Capabilities& offered) {
    const SecondaryControls secondary = v.secondary();
    const bool accesses = secondary.has(Secondary::virtualize_apic_accesses);
    const bool x2apic = secondary.has(Secondary::virtualize_x2apic_mode);
    const bool interrupts = secondary.has(Secondary::virtual_interrupt_delivery);
    if (accesses && !offered.page_address(v.get(field::apic_access_address)))
        return {CheckId::apic_access_address, v.get(field::apic_access_address)};
    if (!v.get(field::primary_controls).has(Primary::use_tpr_shadow)) {
        if (x2apic) return {CheckId::tpr_shadow_for_x2apic, secondary.raw};
        if (secondary.has(Secondary::apic_register_virtualization))
            return {CheckId::tpr_shadow_for_apic_registers, secondary.raw};
        if (interrupts) return {CheckId::tpr_shadow_for_virtual_interrupts, secondary.raw};
    }
    if (x2apic && accesses) return {CheckId::x2apic_excludes_apic_access, secondary.raw};
    const PinControls pin = v.get(field::pin_controls);
    if (interrupts && !pin.has(Pin::external_interrupt_exiting))
        return {CheckId::interrupt_exiting_for_virtual_interrupts, pin.raw};
    return {};
}

CheckResult check_translation(const Vmcs12& v, const Capabilities& offered) {
    const SecondaryControls secondary = v.secondary();
    const bool ept = secondary.has(Secondary::enable_ept);
    if (secondary.has(Secondary::enable_vpid) && v.get(field::vpid) == 0) return {CheckId::vpid_zero, 0};
    if (ept && !v.get(field::eptp).valid(offered.ept())) return {CheckId::eptp, v.get(field::eptp).bits()};
    if (secondary.has(Secondary::enable_pml)) {
        if (!ept) return {CheckId::ept_for_pml, secondary.raw};
        if (!offered.page_address(v.get(field::pml_address)))
            return {CheckId::pml_address, v.get(field::pml_address)};
    }
    if (secondary.has(Secondary::unrestricted_guest) && !ept)
        return {CheckId::ept_for_unrestricted_guest, secondary.raw};
    return {};
}

CheckResult check_vm_functions(const Vmcs12& v, const Capabilities& offered) {
    const SecondaryControls secondary = v.secondary();
    if (!secondary.has(Secondary::enable_vm_functions)) return {};
    const u64 functions = v.get(field::vm_function_controls);
    if ((functions & ~offered.vmfunc) != 0) return {CheckId::vm_function_reserved, functions};
    if ((functions & vm_function::eptp_switching) == 0) return {};
    if (!secondary.has(Secondary::enable_ept)) return {CheckId::ept_for_eptp_switching, secondary.raw};
    if (!offered.page_address(v.get(field::eptp_list_address)))
        return {CheckId::eptp_list_address, v.get(field::eptp_list_address)};
    return {};
}

CheckResult check_more_pages(const Vmcs12& v, const Capabilities& offered) {
    const SecondaryControls secondary = v.secondary();
    if (secondary.has(Secondary::vmcs_shadowing)) {
        if (!offered.page_address(v.get(field::vmread_bitmap)))
            return {CheckId::vmread_bitmap_address, v.get(field::vmread_bitmap)};
        if (!offered.page_address(v.get(field::vmwrite_bitmap)))
            return {CheckId::vmwrite_bitmap_address, v.get(field::vmwrite_bitmap)};
    }
    if (secondary.has(Secondary::ept_violation_ve) &&
        !offered.page_address(v.get(field::ve_information_address)))
        return {CheckId::ve_information_address, v.get(field::ve_information_address)};
    return {};
}

CheckResult check_tsc_multiplier(const Vmcs12& v, const Capabilities&) {
    if (v.secondary().has(Secondary::use_tsc_scaling) && v.get(field::tsc_multiplier) == 0)
        return {CheckId::tsc_multiplier_zero, 0};
    return {};
}

}  // namespace kurma::vmx::control_checks
