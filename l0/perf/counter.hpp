// The counter of the one event, on the processor: begun at boot, read when somebody asks. Between the two
// nothing of it is in L0's way: VM entries and exits switch it by themselves.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0::perf {

/// Refuses where the event cannot be counted, by what the processor says of itself.
void require_event(const Machine& machine);
/// Starts the counter, and lets vmcs01, which is current, and by `Machine::added02` every vmcs02, switch it.
/// Refuses where it stands still. Exceptions must have their handlers by now.
void start_event(Cpu& cpu);
/// A new vmcs02 gets the values that its entries and exits load. They are no fields of L1's, so they stay.
void write_levels_to_vmcs02(Cpu& cpu, const VmcsSlot& slot);
/// MSRs that L1 and L2 do not have while an event is counted, in vmcs01's bitmap.
void intercept_hidden_msrs(const Event& event, ept::Hpa bitmap);

/// What the counter says now; all ones if no event is counted. With `event_level=l0` it also counts what L0
/// does for control calls, as often as somebody calls: a difference of two series of calls has none of it.
u64 event_total(const Cpu& cpu);

}  // namespace kurma::l0::perf
