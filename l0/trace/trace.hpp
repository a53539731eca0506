// What every turn leaves behind: counters always, a record in the ring where the policy asks for it.
#pragma once

#include <vmx/route.hpp>

#include "../cpu/cpu.hpp"
#include "../hw/cpu.hpp"

namespace kurma::l0 {

void note_turn_start(Cpu& cpu);

/// Counts the exit. Control calls take back what they add, and recorded turns say how much they added, so
/// those two keep the totals of before the turn: without the exit and the VMREAD of its reason, which have
/// happened by now.
[[gnu::always_inline]] inline void begin_turn(Cpu& cpu, vmx::ExitReason reason) {
    ++cpu.totals.exits;
    const bool recorded = cpu.machine->policy.trace == vmx::TraceLevel::turns;
    if (recorded || reason.basic() == vmx::Reason::vmcall) [[unlikely]] {
        cpu.at_turn_start = cpu.totals;
        --cpu.at_turn_start.exits;
        --cpu.at_turn_start.vmread;
        if (recorded) note_turn_start(cpu);
    }
}

void record_turn(Cpu& cpu, vmx::ExitReason reason, vmx::Why why);

[[gnu::always_inline]] inline void end_turn(Cpu& cpu, vmx::ExitReason reason, vmx::Why why) {
    if (why == vmx::Why::l1_control_call) [[unlikely]]
        cpu.totals = cpu.at_turn_start;
    if (cpu.machine->policy.trace == vmx::TraceLevel::off) return;
    cpu.trace.count(why, reason.basic());
    if (cpu.machine->policy.trace == vmx::TraceLevel::turns) [[unlikely]]
        record_turn(cpu, reason, why);
}

}  // namespace kurma::l0
