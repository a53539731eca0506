// Interrupts and NMIs that a case makes for itself, and how it leaves none behind.
#pragma once

#include "base/integer.hpp"

namespace conformance {

using namespace kit;

// An external interrupt that waits for the first to open its window: L1 runs with interrupts off.
void make_interrupt_pending(u8 vector);
// L1 takes whatever interrupt waits. True if there was one.
bool take_pending_interrupts();
// Tells the local APIC that the interrupt in service is done.
void end_interrupt();

// What L2 has to write, and where, to send an NMI to its own processor.
u64 nmi_command_address();
u32 nmi_command();
// After an exit by an NMI others wait until an IRET (SDM 3A 6.7.1). This is one, and L1 takes what has waited
// for it: true if there was an NMI.
bool take_pending_nmi();

}  // namespace conformance
