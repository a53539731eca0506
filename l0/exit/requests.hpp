// What a program in L1 may ask of L0 in words. Answers end in a line end.
//
//   list                the knobs: a line each, of name, value, default, values, when, what, trades, with
//   tabs between get [KNOB]          KNOB=VALUE, of one or of each set KNOB=VALUE      changes it, and
//   answers as `get KNOB` does stats [--json]      totals and counters; as the JSON object of a run's end
//   reset               totals, counters and the recorded turns begin anew
//   trace on|off        record turns, or go back to counters
//   turns [--json]      the recorded turns
//
// In:    cpu.control.request.
// Out:   cpu.control.answer. A refusal is one line that says what to do; a cut answer says so in its last
// line.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

Verdict perform_request(Cpu& cpu);

}  // namespace kurma::l0
