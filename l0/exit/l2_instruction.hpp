// The end of an instruction of L2 that L0 answered in L1's place.
#pragma once

#include <vmx/emulate.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// Makes a fault pending, or moves L2 past the instruction. With the monitor trap flag L1 gets its exit then,
/// for which a pending MTF exit is what to inject (SDM 3C 26.5.2, 27.6.2).
inline void settle_for_l2(const VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02,
                          const vmx::InstrOutcome& outcome) {
    using namespace vmx;
    settle(vmcs02, outcome);
    const bool trapped = slot.vmcs12.get(field::primary_controls).has(Primary::monitor_trap_flag);
    if (trapped && outcome.kind != InstrOutcome::Kind::fault)
        write(vmcs02, field::entry_interruption_info,
              InterruptionInfo::make(EventType::other_event, 0, false));
}

}  // namespace kurma::l0
