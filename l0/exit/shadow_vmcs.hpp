// `vmcs_access = shadow-direct`: while L1 runs, vmcs02 itself is the shadow VMCS behind vmcs01, so that L1's
// VMREAD and VMWRITE of guest state and exit information reach their home without an exit, and nothing is
// copied either way.
//
// In:    the knob, the current vmcs12, whether L1 is in VMX operation.
// Out:   vmcs01's link pointer, shadowing control and bitmaps; vmcs02's shadow indicator.
// Never: exposes a field whose home is not vmcs02; enters a VMCS that has the indicator; leaves a VMCS active
// that L1 reaches. SDM:   3C 25.10 (VMCS types), 25.6.15 (bitmaps), 26.1.2 and 31.3 (VMREAD, VMWRITE in
// non-root operation).
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// Builds the two bitmaps: a clear bit lets L1 through, for fields that L1 is offered.
void make_shadow_bitmaps(Machine& machine);
/// Vmcs02 can be entered from here on.
void make_ordinary(Cpu& cpu, VmcsSlot& slot);
/// Before L1 runs: vmcs02 of the current vmcs12 becomes the shadow behind vmcs01; without a current VMCS,
/// none is. vmcs01 must be current, and is afterwards.
void link_shadow(Cpu& cpu);

}  // namespace kurma::l0
