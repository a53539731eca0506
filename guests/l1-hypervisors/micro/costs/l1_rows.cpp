// Operations of L1 itself.
#include "costs/costs.hpp"
#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "cpu/traps.hpp"
#include "vcpu/vcpu.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;

extern "C" void interrupt_at_l1();

namespace {

constexpr u8 interrupt_vector = 0x40;
constexpr u16 delay_port = 0x80;
constexpr u64 xcr0_x87 = 1;

void run_directly(void* context, LoopFunction* loop, u64* samples, u64 count) {
    const auto& arguments = *static_cast<const LoopArguments*>(context);
    loop(samples, count, arguments.a, arguments.b, arguments.c, arguments.expected_reason);
}

void row(const char* operation, const Loop& loop, LoopArguments arguments) {
    measure("L1", operation, loop, {&run_directly, &arguments});
}

void print_plain_rows() {
    row("cpuid", loops::cpuid, {});
    if (kurma_is_present()) {
        const u64 function = static_cast<u64>(ControlFunction::read_total);
        row("vmcall", loops::vmcall, {.a = control_call_signature, .b = function});
    }
    row("rdmsr-trapped", loops::rdmsr, {.b = vmx_msr::basic});
    row("rdmsr-direct", loops::rdmsr, {.b = msr_kernel_gs_base});
    row("wrmsr-direct", loops::wrmsr, {.b = msr_kernel_gs_base});
    row("out", loops::out, {.a = delay_port});
    row("in", loops::in, {.a = delay_port});
    row("mov-cr0", loops::mov_cr0, {.a = read_cr0(), .c = cr0_ts});
    row("mov-cr3", loops::mov_cr3, {.a = read_cr3()});
    row("mov-cr4", loops::mov_cr4, {.a = read_cr4(), .c = cr4_tsd});
    if ((read_cr4() & cr4_osxsave) != 0) row("xsetbv", loops::xsetbv, {.a = xcr0_x87});
}

void print_vmcs_rows(Vcpu& vcpu, Vcpu& other) {
    const LoopArguments guest_field = {.a = field::guest_rip.encoding, .b = 0};
    const LoopArguments control_field = {.a = field::primary_controls.encoding,
                                         .b = vmread(field::primary_controls)};
    row("vmread", loops::vmread, guest_field);
    row("vmread-control", loops::vmread, control_field);
    row("vmwrite", loops::vmwrite, guest_field);
    row("vmwrite-control", loops::vmwrite, control_field);

    const u64 first = vcpu.region.address(), second = other.region.address();
    row("vmptrld-same", loops::vmptrld, {.a = address_of(&first), .b = address_of(&first)});
    row("vmptrld-alternating", loops::vmptrld, {.a = address_of(&second), .b = address_of(&first)});
    vcpu.make_current();
    row("vmclear", loops::vmclear, {.a = address_of(&second)});

    const InvalidationDescriptor whole_ept = {vcpu.ept.pointer(), 0};
    const InvalidationDescriptor whole_vpid = {1, 0};
    const auto single = static_cast<u64>(InvalidationType::single_context);
    row("invept", loops::invept, {.a = address_of(&whole_ept), .b = single});
    // #UD where neither VPID nor an INVVPID type is offered.
    if ((rdmsr(vmx_msr::ept_vpid) & vmx_msr::invvpid_single) != 0)
        row("invvpid", loops::invvpid, {.a = address_of(&whole_vpid), .b = single});
}

void print_interrupt_rows() {
    set_vector(interrupt_vector, &interrupt_at_l1);
    const LoopArguments self = {.a = apic::base + apic::command_low, .b = apic::to_self | interrupt_vector};
    enable_interrupts();
    row("interrupt", loops::interrupt, self);
    disable_interrupts();
    row("hlt", loops::pending_hlt, self);
    disable_interrupts();
    set_vector(interrupt_vector, nullptr);
}

}  // namespace

void print_l1_costs() {
    static constinit Vcpu vcpu, other;
    other.build(reinterpret_cast<const void*>(&l2_finish));
    vcpu.build(reinterpret_cast<const void*>(&l2_finish));
    print_plain_rows();
    print_vmcs_rows(vcpu, other);
    print_interrupt_rows();
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
}

}  // namespace micro
