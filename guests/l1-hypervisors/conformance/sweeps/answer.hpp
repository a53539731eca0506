// What came of one VM entry, as words: a VMfail and its error, an exit with everything that the manual
// defines for its reason (SDM 3C 28.2), or an exception in L1. What the manual leaves undefined is not
// printed, because two right processors may differ there.
#pragma once

#include "cpu/traps.hpp"
#include "sweeps/text.hpp"
#include "vcpu/vcpu.hpp"

namespace conformance {

struct Answer {
    Fault fault;  // an exception of VMLAUNCH or VMRESUME itself; if it happened, `exit` means nothing
    Exit exit;

    bool exited() const { return !fault.happened && exit.kind == Exit::Kind::exited; }
    bool entry_failed() const { return exited() && (exit.reason & reason::entry_failed) != 0; }
};

// Words beyond the usual ones, or fewer.
enum Detail : u32 {
    with_pending_debug = 1 << 0,            // pending debug exceptions as they were saved
    with_instruction_information = 1 << 1,  // where the manual defines it for the reason
    without_state = 1 << 2,                 // no RIP, RFLAGS, interruptibility, activity
};

// The one VCPU of this program; build() it for each case that wants a fresh one.
Vcpu& the_vcpu();

Answer enter(Vcpu& vcpu);
// The current VMCS must still be the one that was entered: details are read from it.
Text words(const Answer& answer, u32 details = 0);

// `case TOPIC/NAME: ANSWER`
void print_case(const char* topic, const Text& name, const Text& answer);
// Enters and prints.
Answer print_entry(const char* topic, const Text& name, Vcpu& vcpu, u32 details = 0);

// The words for an instruction that is not an entry: `ok`, `fail-invalid`, `fail-valid error=N`.
Text words(const VmxOutcome& outcome);
// `exception V error=E`
Text words(const Fault& fault);

}  // namespace conformance
