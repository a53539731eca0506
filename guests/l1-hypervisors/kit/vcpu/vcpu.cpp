#include "vcpu/vcpu.hpp"

#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"
#include "cpu/traps.hpp"
#include "l2/l2.hpp"
#include "vmx/operation.hpp"

namespace kit {

extern "C" u64 enter_guest(GuestRegisters* registers, u64 launched);

namespace {

// Access rights as the VMCS holds them (SDM 3C 25.4.1).
constexpr u32 access_code64 = 0xA09B, access_data = 0xC093, access_busy_task = 0x008B,
              access_unusable = 0x10000;
constexpr u32 flat_limit = 0xFFFFFFFF;
constexpr u32 task_limit = 103;
constexpr u64 dr7_reset = 0x400;
constexpr u64 no_link = ~u64{0};

struct SegmentFields {
    Field selector, base, limit, access;
};

#define MICRO_SEGMENT(name)                                                                      \
    SegmentFields {                                                                              \
        field::guest_##name##_selector, field::guest_##name##_base, field::guest_##name##_limit, \
            field::guest_##name##_access                                                         \
    }

void write_segment(const SegmentFields& fields, u16 selector, u64 base, u32 limit, u32 access) {
    vmwrite(fields.selector, selector);
    vmwrite(fields.base, base);
    vmwrite(fields.limit, limit);
    vmwrite(fields.access, access);
}

void set_bit_in(Page& page, u64 number) { page.bytes[number / 8] |= static_cast<u8>(1 << number % 8); }

}  // namespace

void Vcpu::build(const void* code, const VcpuOptions& options) {
    registers = {};
    launched = false;
    prepare_region(region);
    if (!vmclear(region.address()).succeeded()) give_up("VMCLEAR of a fresh region failed");
    make_current();
    intercept_nothing();
    ept.build();
    forget_old_mappings();
    write_controls(options);
    write_host_state();
    write_guest_state(code);
}

// The tables of EPT12 were used before and are rewritten in place (SDM 3C 29.4.3.3: software must invalidate
// then). Bochs would not mind, a hypervisor that keeps what it composed does.
void Vcpu::forget_old_mappings() {
    for (const bool accessed_dirty : {false, true}) {
        if (accessed_dirty && (rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) == 0) continue;
        const InvalidationDescriptor whole = {ept.pointer(accessed_dirty), 0};
        if (!invept(static_cast<u64>(InvalidationType::single_context), whole).succeeded())
            give_up("INVEPT failed");
    }
}

void Vcpu::make_current() {
    if (!vmptrld(region.address()).succeeded()) give_up("VMPTRLD failed");
}

void Vcpu::write_controls(const VcpuOptions& options) {
    const bool has_vpid = options.vpid != 0 && control_is_allowed(vmx_msr::secondary, secondary::vpid);
    const u32 wanted_primary =
        primary::hlt | primary::io_bitmaps | primary::msr_bitmaps | primary::secondary | options.primary;
    const u32 wanted_secondary =
        (options.with_ept ? secondary::ept : 0) | (has_vpid ? secondary::vpid : 0) | options.secondary;
    const u32 wanted_exit = exit_control::host_64bit | exit_control::acknowledge_interrupt | options.exit;
    vmwrite(field::pin_controls, adjusted_control(vmx_msr::pin, vmx_msr::true_pin, options.pin));
    vmwrite(field::primary_controls,
            adjusted_control(vmx_msr::primary, vmx_msr::true_primary, wanted_primary));
    vmwrite(field::secondary_controls,
            adjusted_control(vmx_msr::secondary, vmx_msr::secondary, wanted_secondary));
    vmwrite(field::exit_controls, adjusted_control(vmx_msr::exit, vmx_msr::true_exit, wanted_exit));
    vmwrite(field::entry_controls, adjusted_control(vmx_msr::entry, vmx_msr::true_entry,
                                                    entry_control::guest_64bit | options.entry));
    vmwrite(field::msr_bitmap, msr_bitmap_.address());
    vmwrite(field::io_bitmap_a, io_bitmap_a_.address());
    vmwrite(field::io_bitmap_b, io_bitmap_b_.address());
    vmwrite(field::eptp, options.with_ept ? ept.pointer(options.accessed_dirty) : 0);
    if (has_vpid) vmwrite(field::vpid, options.vpid);
    for (const Field zero :
         {field::exception_bitmap, field::page_fault_mask, field::page_fault_match, field::cr3_target_count,
          field::exit_msr_store_count, field::exit_msr_load_count, field::entry_msr_load_count,
          field::entry_interruption_information, field::entry_exception_error_code,
          field::entry_instruction_length, field::tsc_offset, field::cr0_mask, field::cr4_mask,
          field::cr0_shadow, field::cr4_shadow}) {
        vmwrite(zero, 0);
    }
}

void Vcpu::write_host_state() {
    vmwrite(field::host_cr0, read_cr0());
    vmwrite(field::host_cr3, read_cr3());
    vmwrite(field::host_cr4, read_cr4());
    vmwrite(field::host_cs_selector, kernel_code);
    for (const Field data : {field::host_ss_selector, field::host_ds_selector, field::host_es_selector}) {
        vmwrite(data, kernel_data);
    }
    for (const Field zero : {field::host_fs_selector, field::host_gs_selector, field::host_sysenter_cs,
                             field::host_sysenter_esp, field::host_sysenter_eip}) {
        vmwrite(zero, 0);
    }
    vmwrite(field::host_tr_selector, task);
    vmwrite(field::host_tr_base, task_base());
    vmwrite(field::host_gdtr_base, gdt_base());
    vmwrite(field::host_idtr_base, idt_base());
    vmwrite(field::host_fs_base, rdmsr(msr_fs_base));
    vmwrite(field::host_gs_base, rdmsr(msr_gs_base));
    vmwrite(field::host_rip, reinterpret_cast<u64>(&guest_exited));
}

void Vcpu::write_guest_state(const void* code) {
    vmwrite(field::guest_cr0, read_cr0());
    vmwrite(field::guest_cr3, l2::page_tables());
    vmwrite(field::guest_cr4, read_cr4());
    vmwrite(field::guest_dr7, dr7_reset);
    write_segment(MICRO_SEGMENT(cs), kernel_code, 0, flat_limit, access_code64);
    for (const SegmentFields& data : {MICRO_SEGMENT(ss), MICRO_SEGMENT(ds), MICRO_SEGMENT(es)}) {
        write_segment(data, kernel_data, 0, flat_limit, access_data);
    }
    for (const SegmentFields& absent : {MICRO_SEGMENT(fs), MICRO_SEGMENT(gs), MICRO_SEGMENT(ldtr)}) {
        write_segment(absent, 0, 0, 0, access_unusable);
    }
    write_segment(MICRO_SEGMENT(tr), task, task_base(), task_limit, access_busy_task);
    vmwrite(field::guest_gdtr_base, gdt_base());
    vmwrite(field::guest_gdtr_limit, gdt_limit());
    vmwrite(field::guest_idtr_base, l2::idt_base());
    vmwrite(field::guest_idtr_limit, l2::idt_limit());
    for (const Field zero : {field::guest_interruptibility, field::guest_activity, field::guest_pending_debug,
                             field::guest_sysenter_cs, field::guest_sysenter_esp, field::guest_sysenter_eip,
                             field::guest_debugctl}) {
        vmwrite(zero, 0);
    }
    vmwrite(field::vmcs_link_pointer, no_link);
    vmwrite(field::guest_rflags, rflags_reserved1);
    go_to(code);
}

void Vcpu::push(u64 value) {
    const u64 rsp = vmread(field::guest_rsp) - sizeof value;
    *at_address<u64>(rsp) = value;
    vmwrite(field::guest_rsp, rsp);
}

void Vcpu::go_to(const void* code) {
    vmwrite(field::guest_rip, address_of(code));
    vmwrite(field::guest_rsp, address_of(stack_) + sizeof stack_);
    push(reinterpret_cast<u64>(&l2_finish));
}

Exit Vcpu::run() {
    Exit exit = {};
    const u64 status = enter_guest(&registers, launched);
    if (status != 0) {
        exit.kind = status == 1 ? Exit::Kind::failed_invalid : Exit::Kind::failed_valid;
        if (status == 2) exit.error = static_cast<u32>(vmread(field::vm_instruction_error));
        return exit;
    }
    exit.kind = Exit::Kind::exited;
    exit.reason = static_cast<u32>(vmread(field::exit_reason));
    if ((exit.reason & reason::entry_failed) == 0) launched = true;
    exit.qualification = vmread(field::exit_qualification);
    exit.guest_physical = vmread(field::guest_physical_address);
    exit.guest_linear = vmread(field::guest_linear_address);
    exit.rip = vmread(field::guest_rip);
    exit.interruption = static_cast<u32>(vmread(field::exit_interruption_information));
    exit.interruption_error = static_cast<u32>(vmread(field::exit_interruption_error_code));
    exit.instruction_length = static_cast<u32>(vmread(field::exit_instruction_length));
    return exit;
}

// The MSR bitmap is four KiB-long maps: reads low, reads high, writes low, writes high (SDM 3C 25.6.9).
void Vcpu::intercept_msr(u32 number) {
    constexpr u32 high_msrs = 0xC0000000, in_map = 0x1FFF;
    constexpr u64 bits_in_map = 8 * 1024;
    const u64 map = number >= high_msrs ? 1 : 0;
    set_bit_in(msr_bitmap_, map * bits_in_map + (number & in_map));
    set_bit_in(msr_bitmap_, (map + 2) * bits_in_map + (number & in_map));
}

void Vcpu::intercept_nothing() {
    for (Page* bitmap : {&msr_bitmap_, &io_bitmap_a_, &io_bitmap_b_}) bitmap->clear();
}

void Vcpu::intercept_port(u16 port) {
    constexpr u16 ports_in_map = 0x8000;
    set_bit_in(port < ports_in_map ? io_bitmap_a_ : io_bitmap_b_, port % ports_in_map);
}

}  // namespace kit
