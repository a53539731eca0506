// Events that an exit cut short, and that L0, which answered the exit alone, must deliver again (SDM
// 3C 28.2.4).
#pragma once

#include <vmx/event.hpp>
#include <vmx/field.hpp>

namespace kurma::l0 {

/// Makes the event that was being delivered pending again in the same VMCS. `unblocked_nmi`: the exit hit an
/// IRET that had just unblocked NMIs, which are blocked again so that the IRET is executed whole (SDM
/// 3C 28.2.3).
template <class V>
void reinject_after_l0_exit(const V& vmcs, bool unblocked_nmi) {
    using namespace vmx;
    const InterruptionInfo vectoring = read(vmcs, field::idt_vectoring_info);
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
