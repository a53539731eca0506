// Active vmcs12s: each has a vmcs02 of its own, so that L1's change from one VMCS to another copies nothing.
//
// In:    addresses that L1 gave to VMPTRLD and VMCLEAR.
// Out:   slots. One that is not active has its values in L1's memory, in Kurma's format (vmx::Vmcs12Region).
// Never: believes what L1's memory says beyond what VMWRITE could have written.
#pragma once

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

VmcsSlot* find_slot(Cpu& cpu, ept::L1Gpa region);
/// Loads the VMCS at `region`, writing back the one that was used least recently if all slots are taken.
[[gnu::noinline]] VmcsSlot& activate_slot(Cpu& cpu, ept::L1Gpa region);
/// Writes a slot back to L1's memory as it is, and frees it.
[[gnu::noinline]] void write_back(Cpu& cpu, VmcsSlot& slot);
/// Writes a slot back to L1's memory as clear, and frees it.
[[gnu::noinline]] void clear_slot(Cpu& cpu, VmcsSlot& slot);
/// VMCLEAR on the processor: the region is whole, nothing of it is cached, and its next entry is a VMLAUNCH.
/// Only a VMCS that is not active may be reached through a link pointer.
inline void release_vmcs(Cpu& cpu, ept::Hpa vmcs) {
    ++cpu.totals.vmclear;
    hw::vmclear(vmcs);
    if (cpu.current == vmcs) cpu.current = ept::Hpa{vmx::no_pointer};
}
inline void clear_vmcs02(Cpu& cpu, VmcsSlot& slot) {
    release_vmcs(cpu, slot.vmcs02);
    slot.launched02 = false;
}
/// The knob has a new value: those used least recently that are too many now are written back. L1 must be the
/// level that runs.
void vmcs02_cache_changed(Cpu& cpu);
/// The knob has a new value: each vmcs02 gets its tag, and begins with none of its translations, at its next
/// entry.
void vpid_l2_changed(Cpu& cpu);
/// Marks a VMCS that is not active as clear in L1's memory.
[[gnu::noinline]] void mark_region_clear(Cpu& cpu, ept::L1Gpa region);
/// Copies guest state from vmcs02 into the image, for whoever looks at all of it at once.
[[gnu::noinline]] void guest_state_to_image(Cpu& cpu, VmcsSlot& slot);
/// Moves exit information from vmcs02 into the image, on processors whose VMWRITE does not reach it.
[[gnu::noinline]] void exit_information_to_image(Cpu& cpu, VmcsSlot& slot);

/// Puts a value of L0's into the exit information that L1 will read: into vmcs02 where VMWRITE reaches it,
/// otherwise into the image.
template <class V, vmx::FieldId I>
void override_exit_information(Cpu& cpu, VmcsSlot& slot, vmx::Field<V, I> f, std::type_identity_t<V> value) {
    if (cpu.machine->host.vmwrite_any_field()) {
        const auto vmcs02 = make_vmcs02_current(cpu, slot);
        write(vmcs02, f, value);
        return;
    }
    exit_information_to_image(cpu, slot);
    slot.vmcs12.set(f, value);
}

inline VmcsSlot& slot_of(vmx::Vmcs12& vmcs12) {
    static_assert(offsetof(VmcsSlot, vmcs12) == 0, "a slot begins with its vmcs12");
    return *reinterpret_cast<VmcsSlot*>(&vmcs12);
}

}  // namespace kurma::l0
