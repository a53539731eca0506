// The three MSR areas of vmcs12. Entry-load is hardware's: vmcs02 loads straight from L1's memory. The areas
// of exits are L0's: hardware exits to L0, which L1 must not notice.
//
// In:    areas in L1's memory; each entry is copied once, then checked, then used.
// Out:   MSRs loaded or stored; false if an entry could not be, which the log names with its number and rule.
// Never: gives L1 an MSR that it could not access by RDMSR or WRMSR.
// SDM:   3C 25.7.2, 25.8.2, 27.4, 28.4, 28.6.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// The first entry, counted from 1, that is not where hardware would look for it when told where the area
/// begins, or that is one too many; 0 if there is none.
u32 first_unreachable_entry(const Cpu& cpu, ept::L1Gpa area, u32 count);
/// Loads into L1's state what vmcs12's VM-exit MSR-load area says.
[[nodiscard]] bool load_exit_msrs(Cpu& cpu, const VmcsSlot& slot);
/// Stores L2's MSRs into vmcs12's VM-exit MSR-store area.
[[nodiscard]] bool store_exit_msrs(Cpu& cpu, const VmcsSlot& slot);

}  // namespace kurma::l0
