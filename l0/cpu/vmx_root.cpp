#include "vmx_root.hpp"

#include <x86/msr.hpp>

#include "../exit/l1_shadowing.hpp"
#include "../exit/shadow_vmcs.hpp"
#include "../hw/cpu.hpp"
#include "descriptor_tables.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::Hpa;

extern "C" void exit_of_l1();
extern "C" void exit_of_l2();

namespace {

DescriptorTables tables{};

template <class V>
void write_host_state(const Cpu& cpu, const V& vmcs) {
    write(vmcs, field::host_es_selector, data_selector);
    write(vmcs, field::host_cs_selector, code_selector);
    write(vmcs, field::host_ss_selector, data_selector);
    write(vmcs, field::host_ds_selector, data_selector);
    write(vmcs, field::host_fs_selector, 0);
    write(vmcs, field::host_gs_selector, 0);
    write(vmcs, field::host_tr_selector, tss_selector);
    write(vmcs, field::host_cr0, hw::read_cr0());
    write(vmcs, field::host_cr3, hw::read_cr3());
    write(vmcs, field::host_cr4, hw::read_cr4());
    write(vmcs, field::host_fs_base, 0);
    write(vmcs, field::host_gs_base, 0);
    write(vmcs, field::host_tr_base, tables.tss_base);
    write(vmcs, field::host_gdtr_base, tables.gdt_base);
    write(vmcs, field::host_idtr_base, tables.idt_base);
    write(vmcs, field::host_sysenter_cs, 0);
    write(vmcs, field::host_sysenter_esp, 0);
    write(vmcs, field::host_sysenter_eip, 0);
    write(vmcs, field::host_pat, hw::rdmsr(x86::msr::pat));
    write(vmcs, field::host_efer, hw::rdmsr(x86::msr::efer));
    write(vmcs, field::host_rsp, reinterpret_cast<u64>(&cpu.self));
}

template <class V>
void write_all_common(const Cpu& cpu, const V& vmcs) {
    write_host_state(cpu, vmcs);
    write(vmcs, field::vmcs_link_pointer, no_pointer);
    write(vmcs, field::exit_msr_store_count, 0);
    write(vmcs, field::exit_msr_load_count, 0);
    write(vmcs, field::entry_msr_load_count, 0);
    write(vmcs, field::entry_interruption_info, InterruptionInfo{});
}

/// The controls by which L1 runs: nothing exits that L0 does not need.
void write_controls01(const Machine& machine, const CurrentVmcs<Which::vmcs01>& vmcs) {
    const Capabilities& host = machine.host;
    const auto bits = [](auto... bit) { return (static_cast<u32>(bit) | ...); };
    write(vmcs, field::pin_controls, PinControls{host.effective_pin().adjust(0)});
    write(vmcs, field::primary_controls,
          PrimaryControls{host.effective_primary().adjust(bits(
              Primary::use_msr_bitmaps, Primary::use_io_bitmaps, Primary::activate_secondary_controls))});
    write(vmcs, field::secondary_controls,
          SecondaryControls{host.secondary.adjust(
              bits(Secondary::enable_ept, Secondary::unrestricted_guest, Secondary::enable_vpid,
                   Secondary::enable_rdtscp, Secondary::enable_invpcid, Secondary::enable_xsaves))});
    write(vmcs, field::exit_controls,
          ExitControls{host.effective_exit().adjust(bits(Exit::host_address_space_size,
                                                         Exit::save_debug_controls, Exit::save_pat,
                                                         Exit::load_pat, Exit::save_efer, Exit::load_efer))});
    write(vmcs, field::entry_controls,
          EntryControls{host.effective_entry().adjust(
              bits(Entry::load_debug_controls, Entry::load_pat, Entry::load_efer))});
    write(vmcs, field::exception_bitmap, 0);
    write(vmcs, field::page_fault_error_code_mask, 0);
    write(vmcs, field::page_fault_error_code_match, 0);
    write(vmcs, field::cr3_target_count, 0);
    write(vmcs, field::tsc_offset, 0);
    write(vmcs, field::msr_bitmap, machine.msr_bitmap01.value());
    write(vmcs, field::io_bitmap_a, machine.io_bitmap01_a.value());
    write(vmcs, field::io_bitmap_b, machine.io_bitmap01_b.value());
    write(vmcs, field::eptp, machine.partition.eptp01());
    if (host.may(Secondary::enable_vpid)) write(vmcs, field::vpid, Cpu::vpid01);
    if (host.may(Secondary::enable_xsaves)) write(vmcs, field::xss_exiting_bitmap, 0);
    // L1 sees the control-register bits that VMX operation fixes as if they were its own.
    write(vmcs, field::cr0_guest_host_mask, x86::cr0::ne);
    write(vmcs, field::cr4_guest_host_mask, x86::cr4::vmxe);
}

/// Asks the processor, with a VMCS current, which fields it has.
void find_fields(Machine& machine) {
    for (usize i = 0; i < field_count; ++i)
        if (hw::has_field(field_rows[i].encoding.raw)) machine.host_fields.add(static_cast<FieldId>(i));
    machine.offered_fields = fields_for_l1(machine.host_fields, machine.host, machine.offered);
    for (usize encoding = 0; encoding < machine.plain_fields.size(); ++encoding)
        machine.plain_fields[encoding] = plain_field(encoding, machine.offered_fields);
}

}  // namespace

void write_common(const Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs) {
    write_all_common(cpu, vmcs);
    write(vmcs, field::host_rip, reinterpret_cast<u64>(&exit_of_l1));
}
void write_common(const Cpu& cpu, const CurrentVmcs<Which::vmcs02>& vmcs) {
    write_all_common(cpu, vmcs);
    write(vmcs, field::host_rip, reinterpret_cast<u64>(&exit_of_l2));
}

Hpa make_vmcs(Cpu& cpu) {
    const Hpa page = mm::must_allocate(cpu.machine->pages);
    *mm::at<u32>(page) = cpu.machine->host.revision();
    ++cpu.totals.vmclear;
    hw::vmclear(page);
    return page;
}

Hpa make_shadow_vmcs(Cpu& cpu) {
    const Hpa page = make_vmcs(cpu);
    *mm::at<u32>(page) |= shadow_indicator;
    return page;
}

void enter_vmx_operation(Cpu& cpu) {
    tables = load_descriptor_tables();
    // CR4.OSXSAVE lets L0 execute XSETBV for L1, and is what CPUID reports; see exit/cpuid.cpp.
    u64 cr4 = hw::read_cr4() | x86::cr4::vmxe;
    constexpr u32 cpuid_xsave = 1u << 26;
    if ((hw::cpuid(1).ecx & cpuid_xsave) != 0) cr4 |= x86::cr4::osxsave;
    hw::write_cr4(cr4);
    const Hpa vmxon_region = mm::must_allocate(cpu.machine->pages);
    *mm::at<u32>(vmxon_region) = cpu.machine->host.revision();
    hw::vmxon(vmxon_region);
    cpu.vmcs01 = make_vmcs(cpu);
    const auto vmcs = make_vmcs01_current(cpu);
    find_fields(*cpu.machine);
    find_hidden_fields(*cpu.machine);
    write_common(cpu, vmcs);
    write_controls01(*cpu.machine, vmcs);
    prepare_shadowing(cpu);
}

}  // namespace kurma::l0
