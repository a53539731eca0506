// The ept02s of a processor: which one an EPT pointer of L1 means, and what invalidation does to them.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// The ept02 for an EPT pointer of L1, made if need be; the one used least recently gives way.
Ept02& ept02_for(Cpu& cpu, ept::Eptp eptp12);
/// Forgets what ept02 holds of one ept12, or of all.
void drop_ept02(Cpu& cpu, ept::Eptp eptp12);
void drop_all_ept02(Cpu& cpu);

/// Fills what L1 was given as a violation, if L1 has mapped it meanwhile: what L2 does next would. A guess,
/// so ept12 is not written for it, and whatever stands against it is left for L2 to run into.
[[gnu::noinline]] void prefill(Cpu& cpu, VmcsSlot& slot);

/// One of the knobs ept02_large_pages or ept02_keep has changed: what was made by the old value goes.
void ept02_knob_changed(Cpu& cpu);

/// Brings a device's page into ept01 at first touch, by L1 or by an L2; whoever reaches for L0's memory ends
/// the run.
[[gnu::cold, gnu::noinline]] void map_device(Cpu& cpu, ept::L1Gpa address);

void execute_invept_single(Cpu& cpu, ept::Eptp eptp02);
/// Flushes what the processor holds under the tag of one vmcs02.
void execute_invvpid_single(Cpu& cpu, u16 vpid02);
void drop_vpid02(Cpu& cpu, u16 vpid12);
void drop_all_vpid02(Cpu& cpu);

}  // namespace kurma::l0
