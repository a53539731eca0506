// Events that an exit cut short, and that L0, which answered the exit alone, must deliver again (SDM
// 3C 28.2.4).
#pragma once

#include <vmx/event.hpp>
#include <vmx/field.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// The revision by which one recognizes Bochs, whose 2.7 does not note a virtual interrupt as the event in
/// delivery: the information is that of an older event then.
inline constexpr u32 revision_of_bochs = 0x2b;

/// The event that an exit cut short, given that the processor says there is one.
template <class V>
[[gnu::noinline]] vmx::InterruptionInfo event_in_delivery(const Cpu& cpu, const VmcsSlot& slot, const V& vmcs,
                                                          vmx::InterruptionInfo vectoring) {
    using namespace vmx;
    if (slot.delivers_interrupts && cpu.machine->host.revision() == revision_of_bochs) {
        const auto in_service = static_cast<u8>(read(vmcs, field::guest_interrupt_status) >> 8);
        if (in_service != slot.in_service_at_entry)
            return InterruptionInfo::make(EventType::external_interrupt, in_service, false);
    }
    // In real mode no exception has an error code, though Bochs 2.7 says so, and none may be injected with
    // one.
    if (vectoring.error_code_valid() && (read(vmcs, field::guest_cr0) & x86::cr0::pe) == 0)
        vectoring.raw &= ~InterruptionInfo::error_code_bit;
    return vectoring;
}

/// The event that an exit cut short.
template <class V>
[[gnu::always_inline]] inline vmx::InterruptionInfo cut_short(const Cpu& cpu, const VmcsSlot& slot,
                                                              const V& vmcs) {
    const vmx::InterruptionInfo vectoring = read(vmcs, vmx::field::idt_vectoring_info);
    return vectoring.valid() ? event_in_delivery(cpu, slot, vmcs, vectoring) : vectoring;
}

/// Bochs 2.7 notes the trap of a single step at every exit with RFLAGS.TF set, though the instruction has not
/// been executed yet. Behind a fault only MOV SS can hold back a debug exception.
template <class V>
[[gnu::always_inline]] inline void forget_step_not_taken(const V& vmcs) {
    using namespace vmx;
    if (read(vmcs, field::guest_pending_debug_exceptions) == 0) [[likely]]
        return;
    if ((read(vmcs, field::guest_interruptibility) & interruptibility::mov_ss) == 0)
        write(vmcs, field::guest_pending_debug_exceptions, 0);
}

template <class V>
[[gnu::noinline]] void inject_again(const V& vmcs, vmx::InterruptionInfo vectoring) {
    using namespace vmx;
    write(vmcs, field::entry_interruption_info, vectoring.for_reinjection());
    if (vectoring.error_code_valid())
        write(vmcs, field::entry_exception_error_code, read(vmcs, field::idt_vectoring_error_code));
    if (vectoring.needs_instruction_length())
        write(vmcs, field::entry_instruction_length, read(vmcs, field::exit_instruction_length));
}

/// Makes the event that was being delivered pending again in the same VMCS. `unblocked_nmi`: the exit hit an
/// IRET that had just unblocked NMIs, which are blocked again so that the IRET is executed whole (SDM
/// 3C 28.2.3).
template <class V>
[[gnu::always_inline]] inline void reinject_after_l0_exit(const V& vmcs, vmx::InterruptionInfo vectoring,
                                                          bool unblocked_nmi) {
    using namespace vmx;
    forget_step_not_taken(vmcs);
    if (vectoring.valid()) [[unlikely]] {
        inject_again(vmcs, vectoring);
        return;
    }
    if (unblocked_nmi) [[unlikely]]
        write(vmcs, field::guest_interruptibility,
              read(vmcs, field::guest_interruptibility) | interruptibility::nmi);
}

}  // namespace kurma::l0
