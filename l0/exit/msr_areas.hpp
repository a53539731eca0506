// The three MSR areas of vmcs12, which L0 works through itself: hardware would take the addresses for the
// machine's.
//
// In:    areas in L1's memory; each entry is copied once, then checked, then used.
// Out:   MSRs loaded or stored; the number of the entry that could not be, counted from 1 as the manual does.
// Never: gives L1 an MSR that it could not access by RDMSR or WRMSR.
// SDM:   3C 25.7.2, 25.8.2, 27.4, 28.4, 28.6.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

enum class MsrArea : u8 { entry_load, exit_load };

struct MsrAreaResult {
    bool ok = true;
    u32 entry = 0;
};

/// Entry-load and exit-store go with vmcs02, exit-load with vmcs01; the right one is made current only if an
/// entry needs it.
MsrAreaResult load_msr_area(Cpu& cpu, VmcsSlot& slot, MsrArea area);
MsrAreaResult store_msr_area(Cpu& cpu, VmcsSlot& slot);

}  // namespace kurma::l0
