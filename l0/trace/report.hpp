// What L0 has counted and recorded, written for a program (JSON) or for a person (tables), to the log or into
// memory.
#pragma once

#include "../cpu/cpu.hpp"
#include "out.hpp"

namespace kurma::l0 {

/// The time, memory, knobs, totals, counters and the last `turns` turns as one JSON object.
void write_json(Out& out, const Cpu& cpu, u64 tsc, u64 event_total, usize turns);
/// The last turns as a JSON array, oldest first, as many as an answer to L1 has room for.
void write_turns_json(Out& out, const Trace& trace);
/// The totals, then the counters per (reason, room, why), the largest first.
void write_stats(Out& out, const Totals& totals, const Trace& trace);
/// The last turns, as many as a person reads, a line each, oldest first, after a line of what the columns
/// are.
void write_turns(Out& out, const Trace& trace, std::string_view prefix);

}  // namespace kurma::l0
