#include "sweeps/furnished.hpp"

#include "cpu/instructions.hpp"
#include "vmx/operation.hpp"

namespace conformance {
namespace {

Furniture pages;

constexpr u64 efer_of_64bit_guest = bit(8) | bit(10);
constexpr u64 timer_that_never_expires = 0xFFFFFFFF;
constexpr u64 tsc_multiplier_one = bit(48);
constexpr u64 log_is_empty = 511;
constexpr u32 msr_pat = 0x277;

u32 true_msr_if_there(u32 plain_msr, u32 true_msr) {
    return (rdmsr(vmx_msr::basic) & vmx_msr::basic_true_controls) != 0 ? true_msr : plain_msr;
}

void clear_pages() {
    for (Page* page :
         {&pages.virtual_apic, &pages.apic_access, &pages.page_log, &pages.eptp_list, &pages.vmread_bitmap,
          &pages.vmwrite_bitmap, &pages.virtualization_exception, &pages.posted_interrupt, &pages.msr_areas})
        page->clear();
}

void write_addresses() {
    write_if_present(field::virtual_apic_address, pages.virtual_apic.address());
    write_if_present(field::apic_access_address, pages.apic_access.address());
    write_if_present(field::pml_address, pages.page_log.address());
    write_if_present(field::eptp_list_address, pages.eptp_list.address());
    write_if_present(field::vmread_bitmap, pages.vmread_bitmap.address());
    write_if_present(field::vmwrite_bitmap, pages.vmwrite_bitmap.address());
    write_if_present(field::ve_information_address, pages.virtualization_exception.address());
    write_if_present(field::posted_interrupt_descriptor, pages.posted_interrupt.address());
    for (const Field area :
         {field::exit_msr_store_address, field::exit_msr_load_address, field::entry_msr_load_address})
        vmwrite(area, pages.msr_areas.address());
    *at_address<u64>(pages.eptp_list.address()) = vmread(field::eptp);
}

void write_values() {
    for (const Field zero :
         {field::tpr_threshold, field::posted_interrupt_vector, field::eptp_index,
          field::guest_interrupt_status, field::vm_function_controls, field::eoi_exit_bitmap_0,
          field::eoi_exit_bitmap_1, field::eoi_exit_bitmap_2, field::eoi_exit_bitmap_3,
          field::xss_exiting_bitmap, field::ple_gap, field::ple_window, field::guest_perf_global_ctrl,
          field::host_perf_global_ctrl, field::tsc_offset})
        write_if_present(zero, 0);
    write_if_present(field::vpid, 1);
    write_if_present(field::pml_index, log_is_empty);
    write_if_present(field::tsc_multiplier, tsc_multiplier_one);
    write_if_present(field::preemption_timer, timer_that_never_expires);
    for (const Field pat : {field::guest_pat, field::host_pat}) write_if_present(pat, rdmsr(msr_pat));
    write_if_present(field::guest_efer, efer_of_64bit_guest);
    write_if_present(field::host_efer, rdmsr(msr_efer));
}

}  // namespace

Furniture& furniture() { return pages; }

void write_if_present(Field field, u64 value) { static_cast<void>(vmwrite_raw(field.encoding, value)); }

u32 allowed_ones(u32 plain_msr, u32 true_msr) {
    return static_cast<u32>(rdmsr(true_msr_if_there(plain_msr, true_msr)) >> 32);
}

u32 demanded_ones(u32 plain_msr, u32 true_msr) {
    return static_cast<u32>(rdmsr(true_msr_if_there(plain_msr, true_msr)));
}

Vcpu& fresh_furnished(void (*code)(), const VcpuOptions& options) {
    Vcpu& vcpu = fresh(code, options);
    clear_pages();
    write_addresses();
    write_values();
    return vcpu;
}

Vcpu& fresh_with_everything(void (*code)()) {
    constexpr u32 pins = pin::external_interrupt | pin::nmi | pin::virtual_nmis | pin::preemption_timer;
    constexpr u32 firsts = primary::tsc_offsetting | primary::tpr_shadow;
    constexpr u32 seconds = secondary::apic_accesses | secondary::rdtscp | secondary::vpid |
                            secondary::unrestricted_guest | secondary::apic_registers |
                            secondary::virtual_interrupts | secondary::pause_loop | secondary::invpcid |
                            secondary::vm_functions | secondary::vmcs_shadowing | secondary::page_log |
                            secondary::virtualization_exceptions | secondary::xsaves | secondary::tsc_scaling;
    const bool accessed_dirty = (rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) != 0;
    const u32 loads_and_saves = allowed_ones(vmx_msr::exit, vmx_msr::true_exit);
    return fresh_furnished(code, {.pin = pins & allowed_ones(vmx_msr::pin, vmx_msr::true_pin),
                                  .primary = firsts & allowed_ones(vmx_msr::primary, vmx_msr::true_primary),
                                  .secondary = seconds & allowed_ones(vmx_msr::secondary, vmx_msr::secondary),
                                  .exit = loads_and_saves,
                                  .entry = allowed_ones(vmx_msr::entry, vmx_msr::true_entry) &
                                           ~(entry_control::to_smm | entry_control::deactivate_dual_monitor),
                                  .accessed_dirty = accessed_dirty});
}

}  // namespace conformance
