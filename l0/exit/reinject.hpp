// Events that an exit cut short, and that L0, which answered the exit alone, must deliver again (SDM
// 3C 28.2.4).
#pragma once

#include <vmx/event.hpp>
#include <vmx/field.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// The event that an exit cut short. With virtual-interrupt delivery an external interrupt is either what L1
/// injected or a virtual interrupt, and that is the one now in service; Bochs 2.7 does not note its vector.
template <class V>
vmx::InterruptionInfo cut_short(const VmcsSlot& slot, const V& vmcs) {
    using namespace vmx;
    const InterruptionInfo vectoring = read(vmcs, field::idt_vectoring_info);
    if (!vectoring.valid() || vectoring.type() != EventType::external_interrupt ||
        !slot.vmcs12.secondary().has(Secondary::virtual_interrupt_delivery)) [[likely]]
        return vectoring;
    const InterruptionInfo injected = slot.vmcs12.get(field::entry_interruption_info);
    if (injected.valid() && injected.vector() == vectoring.vector()) return vectoring;
    const auto in_service = static_cast<u8>(read(vmcs, field::guest_interrupt_status) >> 8);
    return InterruptionInfo::make(EventType::external_interrupt, in_service, false);
}

/// Bochs 2.7 notes the trap of a single step at every exit with RFLAGS.TF set, though the instruction has not
/// been executed yet. Nothing can be pending behind a fault but what MOV SS or STI holds back.
template <class V>
void forget_step_not_taken(const V& vmcs) {
    using namespace vmx;
    if (read(vmcs, field::guest_pending_debug_exceptions) == 0) [[likely]]
        return;
    constexpr u32 held_back = interruptibility::sti | interruptibility::mov_ss;
    if ((read(vmcs, field::guest_interruptibility) & held_back) == 0)
        write(vmcs, field::guest_pending_debug_exceptions, 0);
}

/// Makes the event that was being delivered pending again in the same VMCS. `unblocked_nmi`: the exit hit an
/// IRET that had just unblocked NMIs, which are blocked again so that the IRET is executed whole (SDM
/// 3C 28.2.3).
template <class V>
void reinject_after_l0_exit(const V& vmcs, vmx::InterruptionInfo vectoring, bool unblocked_nmi) {
    using namespace vmx;
    forget_step_not_taken(vmcs);
    if (vectoring.valid()) [[unlikely]] {
        write(vmcs, field::entry_interruption_info, vectoring.for_reinjection());
        if (vectoring.error_code_valid())
            write(vmcs, field::entry_exception_error_code, read(vmcs, field::idt_vectoring_error_code));
        if (vectoring.needs_instruction_length())
            write(vmcs, field::entry_instruction_length, read(vmcs, field::exit_instruction_length));
        return;
    }
    if (unblocked_nmi) [[unlikely]]
        write(vmcs, field::guest_interruptibility,
              read(vmcs, field::guest_interruptibility) | interruptibility::nmi);
}

}  // namespace kurma::l0
