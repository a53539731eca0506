// VMCS shadowing as L1 uses it: L2 is a hypervisor, and its VMREADs and VMWRITEs reach the VMCS that vmcs12's
// link pointer names. That one lies in L1's memory in Kurma's format, so hardware gets a shadow VMCS of L0's,
// filled from it before L2 runs and written back when L1 is to run.
//
// In:    a vmcs12 with VMCS shadowing on and a good link pointer.
// Out:   what vmcs02 gets: the shadow's address, and bitmaps that also stop at fields that are hidden from
// L1. Never: lets L2 reach a field that L1 could not. SDM:   3C 25.10, 25.3 (VMREAD and VMWRITE in non-root
// operation).
#pragma once

#include <vmx/outcome.hpp>
#include <vmx/route.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// Asks the processor, with a VMCS current, which fields it has that L1 is not to see.
void find_hidden_fields(Machine& machine);
/// Makes vmcs02's bitmaps from L1's, whether or not L1 has linked a VMCS.
void load_l1_field_bitmaps(Cpu& cpu, VmcsSlot& slot);
/// Fills L0's shadow VMCS from the one that L1 has linked; vmcs02 is to link to what this returns.
ept::Hpa load_l1_shadow(Cpu& cpu, VmcsSlot& slot);
/// Writes back what L2 wrote; the slot's vmcs02 must have run with a shadow.
void save_l1_shadow(Cpu& cpu, VmcsSlot& slot);
/// L2's VMREAD or VMWRITE has exited although vmcs12 uses shadowing.
vmx::Why answer_shadowed_field(Cpu& cpu, Gprs& gprs, const vmx::L2Exit& exit);

}  // namespace kurma::l0
