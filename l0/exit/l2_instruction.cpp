#include "l2_instruction.hpp"

#include "nested_entry.hpp"
#include "rooms.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// The exit of an intercepted exception saves no blocking by STI or MOV SS, and no pending debug exceptions
/// (SDM 3C 28.3.4).
void forget_blocking_by_instruction(const CurrentVmcs<Which::vmcs02>& vmcs02) {
    constexpr u32 by_instruction = interruptibility::sti | interruptibility::mov_ss;
    const u32 blocking = read(vmcs02, field::guest_interruptibility);
    if ((blocking & by_instruction) != 0)
        write(vmcs02, field::guest_interruptibility, blocking & ~by_instruction);
    if (read(vmcs02, field::guest_pending_debug_exceptions) != 0)
        write(vmcs02, field::guest_pending_debug_exceptions, 0);
}

Why reflect_exception(Cpu& cpu, VmcsSlot& slot, const x86::Fault& fault, bool nmi_unblocking) {
    forget_blocking_by_instruction(make_vmcs02_current(cpu, slot));
    InterruptionInfo event = InterruptionInfo::of(fault);
    if (nmi_unblocking) event.raw |= InterruptionInfo::nmi_unblocking_bit;
    const ExitReason reason = ExitReason::of(Reason::exception_or_nmi);
    override_exit_information(cpu, slot, field::exit_reason, reason);
    override_exit_information(cpu, slot, field::exit_qualification, 0);
    override_exit_information(cpu, slot, field::exit_interruption_info, event);
    if (fault.has_error_code())
        override_exit_information(cpu, slot, field::exit_interruption_error_code, fault.error_code);
    return reflect_to_l1(cpu, {.reason = reason, .interruption = event, .io = {}, .msr = 0},
                         Why::l2_exception_bitmap);
}

}  // namespace

Why raise_in_l2(Cpu& cpu, VmcsSlot& slot, const x86::Fault& fault, Why why, bool nmi_unblocking) {
    const u32 intercepted = slot.vmcs12.get(field::exception_bitmap);
    if (((intercepted >> static_cast<u8>(fault.vector)) & 1) != 0)
        return reflect_exception(cpu, slot, fault, nmi_unblocking);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    entry_is_over(slot, vmcs02);
    inject(vmcs02, fault);
    return why;
}

}  // namespace kurma::l0
