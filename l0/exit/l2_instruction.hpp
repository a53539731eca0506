// The end of an instruction of L2 that L0 answered in L1's place: the next one, or an exception.
#pragma once

#include <vmx/emulate.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// Moves L2 past the instruction. With the monitor trap flag L1 gets its exit then, for which a pending MTF
/// exit is what to inject (SDM 3C 26.5.2, 27.6.2).
inline void advance_l2(const VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    using namespace vmx;
    advance(vmcs02);
    if (slot.vmcs12.get(field::primary_controls).has(Primary::monitor_trap_flag))
        write(vmcs02, field::entry_interruption_info,
              InterruptionInfo::make(EventType::other_event, 0, false));
}

/// Raises an exception that hardware would have raised in L2, had L0 not been in between: it is L1's if L1's
/// exception bitmap says so (SDM 3C 26.2), and L2's otherwise. `why` is what the trace counts in the second
/// case.
vmx::Why raise_in_l2(Cpu& cpu, VmcsSlot& slot, const x86::Fault& fault, vmx::Why why,
                     bool nmi_unblocking = false);

}  // namespace kurma::l0
