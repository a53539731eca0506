// What every turn leaves behind: counters always, a record in the ring where the policy asks for it.
#pragma once

#include <vmx/route.hpp>

#include "../cpu/cpu.hpp"
#include "../hw/cpu.hpp"

namespace kurma::l0 {

void note_turn_start(Cpu& cpu, const Gprs& gprs);

/// The totals as they were before this turn: without the exit and the VMREAD of its reason.
inline Totals totals_before_turn(const Cpu& cpu) {
    Totals before = cpu.totals;
    --before.exits;
    --before.vmread;
    return before;
}

void record_turn(Cpu& cpu, vmx::ExitReason reason, vmx::Why why);

inline void set_trace_level(Cpu& cpu, vmx::TraceLevel level) {
    cpu.trace.step = level == vmx::TraceLevel::off ? 0 : 1;
    cpu.recording = level == vmx::TraceLevel::turns;
}

}  // namespace kurma::l0
