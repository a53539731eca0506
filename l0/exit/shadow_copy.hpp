// `vmcs_access = shadow-copy`: the shadow VMCS of one slot and the copies to and from it.
//
// In:    a slot whose vmcs02 and image have all values, or one whose copy L1 may have written.
// Out:   a copy that is filled and not active; or vmcs02 and the image with what L1 wrote.
// Never: writes a field that already has the value: L0 knows what the copy holds, but for what L1 writes.
// Laws:  filling and fetching without L1 in between changes nothing.
// SDM:   3C 25.10, 25.11.1 (a VMCS may be active on one processor; VMCLEAR makes its region whole).
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

// Both are long, and are never to be part of their callers.

/// Afterwards the copy counts (Reach::copy), and vmcs01 is current.
[[gnu::noinline]] void fill_copy(Cpu& cpu, VmcsSlot& slot);
/// Afterwards vmcs02 and the image count (Reach::none). Controls and host state arrive as if by VMWRITE.
[[gnu::noinline]] void fetch_copy(Cpu& cpu, VmcsSlot& slot);
/// L0 is about to write a field of vmcs02 in L1's stead. A copy that has the field, too, is fetched, and so
/// filled again before L1 runs.
inline void before_write(Cpu& cpu, VmcsSlot& slot, vmx::FieldId id) {
    if (vmx::copied_exit_information.has(id)) fetch_copy(cpu, slot);
}

}  // namespace kurma::l0
