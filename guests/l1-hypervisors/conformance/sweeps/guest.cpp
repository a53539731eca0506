#include "sweeps/guest.hpp"

#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"
#include "sweeps/interrupts.hpp"
#include "vmx/operation.hpp"

namespace conformance {
namespace {

constexpr u32 user_descriptor = 3 << 5;  // DPL in access rights (SDM 3C table 25-2)

constexpr u64 cr4_osfxsr = bit(9), cr4_osxmmexcpt = bit(10);
constexpr u32 cpuid_features = 1, cpuid_ecx_xsave = 1u << 26;

constexpr u64 cr0_caching_bits = bit(29) | bit(30);  // NW, CD

// L2 has what its CPUID promises: SSE, and XSAVE where there is any.
u64 cr4_for_l2() {
    const bool has_xsave = (cpuid(cpuid_features).ecx & cpuid_ecx_xsave) != 0;
    return read_cr4() | cr4_osfxsr | cr4_osxmmexcpt | (has_xsave ? cr4_osxsave : 0);
}

// Fields that only some features read and that Vcpu::build() therefore leaves alone. What is in a fresh VMCS
// is not defined, so they are all written; where a field does not exist, its VMWRITE fails and nothing needs
// it.
constexpr Field fields_of_features[] = {field::tpr_threshold,
                                        field::virtual_apic_address,
                                        field::apic_access_address,
                                        field::eoi_exit_bitmap_0,
                                        field::eoi_exit_bitmap_1,
                                        field::eoi_exit_bitmap_2,
                                        field::eoi_exit_bitmap_3,
                                        field::eptp_index,
                                        field::eptp_list_address,
                                        field::guest_pdpte_0,
                                        field::guest_pdpte_1,
                                        field::guest_pdpte_2,
                                        field::guest_pdpte_3,
                                        field::guest_interrupt_status,
                                        field::pml_address,
                                        field::pml_index,
                                        field::ple_gap,
                                        field::ple_window,
                                        field::preemption_timer,
                                        field::tsc_multiplier,
                                        field::ve_information_address,
                                        field::vm_function_controls,
                                        field::vmread_bitmap,
                                        field::vmwrite_bitmap,
                                        field::xss_exiting_bitmap};

alignas(page_size) u8 scratch_memory[scratch_size];

}  // namespace

bool is_offered(const VcpuOptions& options) {
    return control_is_allowed(vmx_msr::pin, options.pin) &&
           control_is_allowed(vmx_msr::primary, options.primary) &&
           control_is_allowed(vmx_msr::secondary, options.secondary) &&
           control_is_allowed(vmx_msr::exit, options.exit) &&
           control_is_allowed(vmx_msr::entry, options.entry);
}

Vcpu& fresh(void (*code)(), const VcpuOptions& options) {
    // The case before may have left NMIs blocked, and Bochs 2.7 keeps that across an entry that says
    // otherwise.
    static_cast<void>(take_pending_nmi());
    // No entry and no exit changes these bits of CR0, so a case would see what those before it have left.
    write_cr0(read_cr0() & ~cr0_caching_bits);
    Vcpu& vcpu = the_vcpu();
    vcpu.build(reinterpret_cast<const void*>(code), options);
    for (const Field each : fields_of_features) static_cast<void>(vmwrite_raw(each.encoding, 0).succeeded());
    vmwrite(field::exception_bitmap, every_exception);
    vmwrite(field::guest_cr4, cr4_for_l2());
    point_at_scratch(vcpu.registers);
    return vcpu;
}

u8* scratch() { return scratch_memory; }

void clear_scratch() {
    for (u8& byte : scratch_memory) byte = 0;
}

void point_at_scratch(GuestRegisters& registers) {
    const u64 at = address_of(scratch_memory);
    registers = {};
    registers.rdi = registers.r12 = at;
    registers.rbx = at + 0x100;
    registers.rbp = at + 0x200;
    registers.r13 = at + 0x400;
    registers.rcx = 4;
    registers.rsi = 1;
    registers.r9 = 8;
}

void append_results(Text& text, const GuestRegisters& registers) {
    text.append(" rax=", hex(registers.rax), " rcx=", hex(registers.rcx), " rdx=", hex(registers.rdx),
                " r9=", hex(registers.r9));
    constexpr u64 words_shown = 3;
    u64 shown = 0;
    for (u64 at = 0; at < scratch_size && shown < words_shown; at += sizeof(u64)) {
        const u64 word = *at_address<const u64>(address_of(scratch_memory) + at);
        if (word == 0) continue;
        text.append(" memory+", hex(at), "=", hex(word));
        ++shown;
    }
}

void run_at_user_level() {
    vmwrite(field::guest_cr3, read_cr3());
    vmwrite(field::guest_cs_selector, user_code);
    vmwrite(field::guest_ss_selector, user_data);
    for (const Field access : {field::guest_cs_access, field::guest_ss_access})
        vmwrite(access, vmread(access) | user_descriptor);
}

void invalidate_ept(u64 pointer) {
    const InvalidationDescriptor descriptor = {pointer, 0};
    if (!invept(static_cast<u64>(InvalidationType::single_context), descriptor).succeeded())
        give_up("INVEPT failed");
}

void print_absent(const char* topic, const Text& name) { print_case(topic, name, Text("absent")); }

}  // namespace conformance
