// Active vmcs12s: each has a vmcs02 of its own, so that L1's change from one VMCS to another copies nothing.
//
// In:    addresses that L1 gave to VMPTRLD and VMCLEAR.
// Out:   slots. One that is not active has its values in L1's memory, in Kurma's format (vmx::Vmcs12Region).
// Never: believes what L1's memory says beyond what VMWRITE could have written.
#pragma once

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

VmcsSlot* find_slot(Cpu& cpu, ept::L1Gpa region);
/// Loads the VMCS at `region`, writing back the one that was used least recently if all slots are taken.
VmcsSlot& activate_slot(Cpu& cpu, ept::L1Gpa region);
/// Writes a slot back to L1's memory as clear, and frees it.
void clear_slot(Cpu& cpu, VmcsSlot& slot);
/// Marks a VMCS that is not active as clear in L1's memory.
void mark_region_clear(Cpu& cpu, ept::L1Gpa region);
/// Moves exit information from vmcs02 into the image, where L0 or L1 is about to change it.
void exit_information_to_image(Cpu& cpu, VmcsSlot& slot);

inline VmcsSlot& slot_of(vmx::Vmcs12& vmcs12) {
    static_assert(offsetof(VmcsSlot, vmcs12) == 0, "a slot begins with its vmcs12");
    return *reinterpret_cast<VmcsSlot*>(&vmcs12);
}

}  // namespace kurma::l0
