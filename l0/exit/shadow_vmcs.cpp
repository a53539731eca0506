#include "shadow_vmcs.hpp"

#include <vmx/shadow_sets.hpp>

#include "../cpu/vmcs.hpp"
#include "shadow_copy.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::Hpa;

namespace {

void set_link(Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs01, Hpa target) {
    if (cpu.linked == target) return;
    cpu.linked = target;
    write(vmcs01, field::vmcs_link_pointer, target.value());
}

void set_shadowing(Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs01, bool on) {
    if (cpu.shadowing_on == on) return;
    cpu.shadowing_on = on;
    write(vmcs01, field::secondary_controls,
          read(vmcs01, field::secondary_controls).with_if(on, Secondary::vmcs_shadowing));
}

/// A clear bit lets L1 through, for fields that L1 is offered.
Hpa make_bitmap(Machine& machine, const FieldSet& open) {
    const Hpa page = mm::must_allocate(machine.pages);
    u8* const bits = mm::at<u8>(page);
    __builtin_memset(bits, 0xff, 4096);
    (open & machine.offered_fields).for_each([&](FieldId id) {
        const u32 encoding = row_of(id).encoding.raw;
        bits[encoding / 8] = static_cast<u8>(bits[encoding / 8] & ~(1u << (encoding % 8)));
    });
    return page;
}

ShadowBitmaps make_bitmaps(Machine& machine, VmcsAccess access) {
    const ShadowSets sets = shadow_sets(access, machine.host.vmwrite_any_field());
    return {make_bitmap(machine, sets.readable), make_bitmap(machine, sets.writable)};
}

/// Sets vmcs01's bitmaps, and whether L1 is to have a shadow VMCS at all.
void choose_way(Machine& machine, const CurrentVmcs<Which::vmcs01>& vmcs01) {
    const VmcsAccess access = machine.policy.vmcs_access;
    machine.shadowing = access == VmcsAccess::shadow_copy || access == VmcsAccess::shadow_direct;
    if (!machine.shadowing) return;
    const ShadowBitmaps& bitmaps =
        access == VmcsAccess::shadow_copy ? machine.bitmaps_copy : machine.bitmaps_direct;
    write(vmcs01, field::vmread_bitmap, bitmaps.vmread.value());
    write(vmcs01, field::vmwrite_bitmap, bitmaps.vmwrite.value());
}

/// Vmcs02 becomes the shadow.
Hpa expose_itself(Cpu& cpu, VmcsSlot& slot) {
    clear_vmcs02(cpu, slot);
    if (slot.reach != Reach::itself) {
        *mm::at<u32>(slot.vmcs02) |= shadow_indicator;
        slot.reach = Reach::itself;
    }
    return slot.vmcs02;
}

/// Vmcs02 can be entered from here on.
void make_ordinary(Cpu& cpu, VmcsSlot& slot) {
    // If L0 touched it in this very turn it is active, and the indicator must not change under an active
    // VMCS.
    if (cpu.relink) clear_vmcs02(cpu, slot);
    *mm::at<u32>(slot.vmcs02) &= ~shadow_indicator;
    slot.reach = Reach::none;
    cpu.relink = true;
}

/// The shadow VMCS that L1 is to have, ready for it.
Hpa shadow_of_current(Cpu& cpu) {
    if (cpu.nested.current == nullptr) return Hpa{no_pointer};
    VmcsSlot& slot = slot_of(*cpu.nested.current);
    if (cpu.machine->policy.vmcs_access == VmcsAccess::shadow_direct) return expose_itself(cpu, slot);
    if (slot.reach != Reach::copy) fill_copy(cpu, slot);
    return slot.copy.vmcs;
}

}  // namespace

void prepare_shadowing(Cpu& cpu) {
    Machine& machine = *cpu.machine;
    if (!machine.host.may(Secondary::vmcs_shadowing)) return;
    machine.bitmaps_direct = make_bitmaps(machine, VmcsAccess::shadow_direct);
    machine.bitmaps_copy = make_bitmaps(machine, VmcsAccess::shadow_copy);
    choose_way(machine, make_vmcs01_current(cpu));
}

void vmcs_access_changed(Cpu& cpu) {
    cpu.relink = true;
    for (VmcsSlot& slot : cpu.slots) bring_home(cpu, slot);
    const auto vmcs01 = make_vmcs01_current(cpu);
    set_link(cpu, vmcs01, Hpa{no_pointer});
    set_shadowing(cpu, vmcs01, false);
    choose_way(*cpu.machine, vmcs01);
}

void fetch_values(Cpu& cpu, VmcsSlot& slot) {
    if (slot.reach == Reach::copy)
        fetch_copy(cpu, slot);
    else
        make_ordinary(cpu, slot);
}

void link_shadow(Cpu& cpu) {
    const auto vmcs01 = make_vmcs01_current(cpu);
    // Outside of VMX operation VMREAD and VMWRITE are #UD, which hardware with shadowing on would not raise.
    set_shadowing(cpu, vmcs01, cpu.nested.in_vmx_operation);
    set_link(cpu, vmcs01, shadow_of_current(cpu));
    cpu.relink = false;
}

}  // namespace kurma::l0
