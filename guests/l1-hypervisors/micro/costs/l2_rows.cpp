// Operations of L2: each exits to L1's fast handler, which resumes L2.
#include "console/console.hpp"
#include "costs/costs.hpp"
#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "vcpu/vcpu.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;

extern "C" {
void handler_3r1w();
void handler_11r3w();
void handler_1r1w();
void handler_4r2w_rare();
void handler_map_page();
void handler_change_ept();
void handler_load();
void handler_interrupt();
void handler_vmcall();
extern u64 handler_backing;
}

namespace {

constexpr u16 trapped_port = 0x80, direct_port = 0x84;
constexpr u8 interrupt_vector = 0x41;
constexpr u64 xcr0_x87 = 1;

constinit Vcpu vcpu;
alignas(large_page_size) u8 backing[large_page_size];

struct InL2 {
    void (*handler)();
    LoopArguments arguments;
    u64 a_advances_by = 0;  // each turn, so that a later series goes on where the earlier one ended
};

void run_in_l2(void* context, LoopFunction* loop, u64* samples, u64 count) {
    auto& what = *static_cast<InL2*>(context);
    vmwrite(field::host_rip, reinterpret_cast<u64>(what.handler));
    vmwrite(field::guest_rip, reinterpret_cast<u64>(loop));
    vcpu.registers.rdi = address_of(samples);
    vcpu.registers.rsi = count;
    vcpu.registers.rdx = what.arguments.a;
    vcpu.registers.rcx = what.arguments.b;
    vcpu.registers.r8 = what.arguments.c;
    vcpu.registers.r9 = what.arguments.expected_reason;
    vcpu.push(reinterpret_cast<u64>(&l2_finish));
    const Exit exit = vcpu.run();
    if (!exit.exited_for(reason::vmcall)) give_up("a measured L2 ended by something else than its VMCALL");
    what.arguments.a += what.a_advances_by * count;
}

void row_with(const char* operation, const Loop& loop, const InL2& how) {
    InL2 what = how;
    measure("L2", operation, loop, {&run_in_l2, &what});
}

// The usual handler: 3 VMREADs, 1 VMWRITE.
void row(const char* operation, const Loop& loop, u32 expected_reason, LoopArguments arguments) {
    arguments.expected_reason = expected_reason;
    row_with(operation, loop, {&handler_3r1w, arguments});
}

constexpr u32 no_exit_expected = 0xFFFF;

// L2's run ends by a VMCALL too: this row's handler knows that one by its address.
void print_vmcall_row() {
    row_with("vmcall", loops::vmcall, {&handler_vmcall, {.expected_reason = reason::vmcall}});
}

void print_exit_rows() {
    row("cpuid-3r1w", loops::cpuid, reason::cpuid, {});
    row_with("cpuid-11r3w", loops::cpuid, {&handler_11r3w, {.expected_reason = reason::cpuid}});
    row_with("cpuid-1r1w", loops::cpuid, {&handler_1r1w, {}});
    row_with("cpuid-4r2w-rare", loops::cpuid, {&handler_4r2w_rare, {.expected_reason = reason::cpuid}});
    print_vmcall_row();
    row("rdmsr-trapped", loops::rdmsr, reason::rdmsr, {.b = msr_sysenter_cs});
    row("rdmsr-direct", loops::rdmsr, no_exit_expected, {.b = msr_kernel_gs_base});
    // An MSR that L1 lets through but that L0, where there is one, must answer itself.
    row("rdmsr-l0-answers", loops::rdmsr, no_exit_expected, {.b = vmx_msr::basic});
    row("wrmsr-trapped", loops::wrmsr, reason::wrmsr, {.b = msr_sysenter_cs});
    row("wrmsr-direct", loops::wrmsr, no_exit_expected, {.b = msr_kernel_gs_base});
    row("out", loops::out, reason::io, {.a = trapped_port});
    row("in", loops::in, reason::io, {.a = trapped_port});
    row("out-direct", loops::out, no_exit_expected, {.a = direct_port});
    row("hlt", loops::hlt, reason::hlt, {});
    row("mov-cr0", loops::mov_cr0, reason::cr_access, {.a = read_cr0() | cr0_ts});
    row("mov-cr3", loops::mov_cr3, reason::cr_access, {.a = l2::page_tables()});
    row("mov-cr4", loops::mov_cr4, reason::cr_access, {.a = read_cr4() | cr4_de});
    if ((read_cr4() & cr4_osxsave) != 0) row("xsetbv", loops::xsetbv, reason::xsetbv, {.a = xcr0_x87});
}

void print_memory_rows() {
    handler_backing = address_of(backing);
    const u64 table = address_of(&vcpu.ept.window_entry(0));
    row_with("first-touch-l1-maps", loops::touch,
             {&handler_map_page,
              {.a = Ept::window, .b = page_size, .c = table, .expected_reason = reason::ept_violation},
              page_size});

    for (u64 i = 0; i < Ept::window_pages; ++i) {
        vcpu.ept.window_entry(i) =
            (address_of(backing) + i * page_size) | ept_entry::all | ept_entry::write_back;
    }
    const InvalidationDescriptor whole_ept = {vcpu.ept.pointer(), 0};
    if (!invept(static_cast<u64>(InvalidationType::single_context), whole_ept).succeeded())
        give_up("INVEPT failed");
    row_with(
        "first-touch-l0-fills", loops::touch,
        {&handler_3r1w, {.a = Ept::window, .b = page_size, .expected_reason = no_exit_expected}, page_size});
}

void print_interrupt_row() {
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    const LoopArguments self = {.a = apic::base + apic::command_low,
                                .b = apic::to_self | interrupt_vector,
                                .expected_reason = reason::external_interrupt};
    row_with("interrupt", loops::interrupt, {&handler_interrupt, self});
}

// ept12 maps all of the backing by one large page: whoever takes that over fills once.
void print_large_page_row() {
    vcpu.ept.large_window_entry() =
        address_of(backing) | ept_entry::all | ept_entry::write_back | ept_entry::large;
    const InL2 touches = {&handler_3r1w,
                          {.a = Ept::large_window, .b = page_size, .expected_reason = no_exit_expected},
                          page_size};
    row_with("first-touch-2m-page", loops::touch, touches);
}

// L1 gives L2 its other EPT after each exit, as one does that has views of memory.
void print_changing_ept_row() {
    static constinit Ept other;
    other.build();
    const u64 difference = vcpu.ept.pointer() ^ other.pointer();
    row_with("cpuid-other-ept", loops::cpuid,
             {&handler_change_ept, {.c = difference, .expected_reason = reason::cpuid}});
    vmwrite(field::eptp, vcpu.ept.pointer());
}

// L2 is a hypervisor itself and reads its VMCS: without an exit, if L1 was offered VMCS shadowing.
void print_l2_vmread_row() {
    static constinit Page shadow, intercepts_nothing;
    const bool offered = control_is_allowed(vmx_msr::secondary, secondary::vmcs_shadowing);
    vcpu.build(reinterpret_cast<const void*>(&l2_finish),
               {.secondary = offered ? secondary::vmcs_shadowing : 0});
    if (offered) {
        constexpr u32 shadow_indicator = 1u << 31;
        prepare_region(shadow);
        *at_address<u32>(shadow.address()) |= shadow_indicator;
        if (!vmclear(shadow.address()).succeeded()) give_up("VMCLEAR of a shadow VMCS failed");
        intercepts_nothing.clear();
        vmwrite(field::vmread_bitmap, intercepts_nothing.address());
        vmwrite(field::vmwrite_bitmap, intercepts_nothing.address());
        vmwrite(field::vmcs_link_pointer, shadow.address());
    }
    row("vmread", loops::vmread, reason::vmread, {.a = field::guest_rip.encoding});
}

// L2 reads its virtual APIC: without an exit, if L1 was offered APIC-register virtualization.
void print_virtual_apic_row() {
    static constinit Page virtual_apic, apic_access;
    constexpr u64 version = 0x30;
    const bool offered = control_is_allowed(vmx_msr::secondary, secondary::apic_registers);
    if (!control_is_allowed(vmx_msr::secondary, secondary::apic_accesses)) return;
    vcpu.build(reinterpret_cast<const void*>(&l2_finish),
               {.primary = primary::tpr_shadow,
                .secondary = secondary::apic_accesses | (offered ? secondary::apic_registers : 0)});
    vmwrite(field::virtual_apic_address, virtual_apic.address());
    vmwrite(field::apic_access_address, apic_access.address());
    vmwrite(field::tpr_threshold, 0);
    vcpu.ept.window_entry(0) = apic_access.address() | ept_entry::all | ept_entry::write_back;
    row_with("virtual-apic-read", loops::load,
             {&handler_load, {.a = Ept::window + version, .expected_reason = reason::apic_access}});
}

void done_with_vcpu() {
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
}

}  // namespace

void run_rounds(u64 count) {
    static u64 samples[sample_count];
    vcpu.build(reinterpret_cast<const void*>(&l2_finish), {.pin = pin::external_interrupt});
    InL2 what = {&handler_3r1w, {.expected_reason = reason::cpuid}};
    u64 done = 0;
    for (; done < count; done += sample_count) run_in_l2(&what, loops::cpuid.with, samples, sample_count);
    print("rounds n=", done, "\n");
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
}

void print_l2_costs() {
    vcpu.build(reinterpret_cast<const void*>(&l2_finish),
               {.pin = pin::external_interrupt, .primary = primary::cr3_load});
    vcpu.intercept_msr(msr_sysenter_cs);
    vcpu.intercept_port(trapped_port);
    vmwrite(field::cr0_mask, cr0_ts);
    vmwrite(field::cr4_mask, cr4_de);
    print_exit_rows();
    print_memory_rows();
    print_interrupt_row();
    print_large_page_row();
    print_changing_ept_row();
    done_with_vcpu();
    print_l2_vmread_row();
    done_with_vcpu();
    print_virtual_apic_row();
    done_with_vcpu();
}

}  // namespace micro
