// What ept12 gives rise to beside exits: the log of page modifications and virtualization exceptions. L0 does
// both for L2, because ept02, which the processor walks, lacks what L1 has not seen used yet.
#pragma once

#include <vmx/qualification.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// Whether L1 logs page modifications.
inline bool logs_modifications(const VmcsSlot& slot) {
    return slot.vmcs12.secondary().has(vmx::Secondary::enable_pml);
}
/// Whether the log takes no more (SDM 3C 29.3.6).
bool modification_log_full(const VmcsSlot& slot);
void log_modification(const Cpu& cpu, VmcsSlot& slot, ept::L2Gpa page);

/// Whether an EPT violation becomes a virtualization exception (SDM 3C 26.5.7.1). If so, its description
/// stands in L1's area.
bool describe_virtualization_exception(Cpu& cpu, const VmcsSlot& slot, bool suppressed,
                                       vmx::EptViolationQualification seen);

}  // namespace kurma::l0
