// `vmcs_access`: how L1 reaches its VMCS while it runs.
//
//   trap           every VMREAD and VMWRITE exits.
//   shadow-copy    a shadow VMCS of its own stands behind vmcs01 and holds a copy of the fields that
//   hypervisors use
//                  most (shadow_copy.hpp).
//   shadow-direct  vmcs02 itself stands there: VMREAD and VMWRITE of guest state and exit information reach
//   their
//                  home, and nothing is copied.
//
// In:    the knob, the current vmcs12, whether L1 is in VMX operation.
// Out:   vmcs01's link pointer, shadowing control and bitmaps; vmcs02's shadow indicator; the copy.
// Never: exposes a field directly whose home is not vmcs02; enters a VMCS that has the indicator; leaves a
// VMCS
//        active that L1 reaches; loses what L1 wrote when the knob changes.
// SDM:   3C 25.10 (VMCS types), 25.6.15 (bitmaps), 26.1.2 and 31.3 (VMREAD, VMWRITE in non-root operation).
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// Makes what every way of shadowing needs, so that any may be chosen later; vmcs01 must be current.
void prepare_shadowing(Cpu& cpu);
/// The knob has a new value, already resolved: what L1 wrote goes home, and the next entry of L1 is with the
/// new way. L1 must be the level that runs.
void vmcs_access_changed(Cpu& cpu);
/// Before L1 runs: the current vmcs12's shadow VMCS is behind vmcs01; without a current VMCS, none is. vmcs01
/// must be current, and is afterwards.
void link_shadow(Cpu& cpu);

void fetch_values(Cpu& cpu, VmcsSlot& slot);
/// From here on vmcs02 and the image have all of L1's values, and vmcs02 can be entered.
inline void bring_home(Cpu& cpu, VmcsSlot& slot) {
    if (slot.reach != Reach::none) fetch_values(cpu, slot);
}

}  // namespace kurma::l0
