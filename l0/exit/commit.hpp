// COMMIT: the VMCS of the level that runs next becomes current.
//
// Never: leaves an event of L0's undelivered.
#pragma once

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// What L1 must find done before it runs: vmcs01 current, its shadow VMCS linked, an NMI of L0's delivered.
void prepare_l1(Cpu& cpu);

/// L2 runs next. True if its vmcs02 wants VMLAUNCH, false for VMRESUME.
[[gnu::always_inline]] inline bool commit_l2(Cpu& cpu) {
    VmcsSlot& slot = *cpu.running;
    make_vmcs02_current(cpu, slot);
    const bool launch = !slot.launched02;
    slot.launching02 = launch;
    slot.launched02 = true;
    ++(launch ? cpu.totals.vmlaunch : cpu.totals.vmresume);
    return launch;
}

}  // namespace kurma::l0
