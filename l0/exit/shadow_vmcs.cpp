#include "shadow_vmcs.hpp"

#include "../cpu/vmcs.hpp"
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

/// Outside of VMX operation VMREAD and VMWRITE are #UD, which hardware with shadowing on would not raise.
void set_shadowing(Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs01) {
    if (cpu.shadowing_on == cpu.nested.in_vmx_operation) return;
    cpu.shadowing_on = cpu.nested.in_vmx_operation;
    write(vmcs01, field::secondary_controls,
          read(vmcs01, field::secondary_controls).with_if(cpu.shadowing_on, Secondary::vmcs_shadowing));
}

}  // namespace

void make_shadow_bitmaps(Machine& machine) {
    const auto make = [&](Hpa page, const FieldSet& direct) {
        u8* const bits = mm::at<u8>(page);
        __builtin_memset(bits, 0xff, 4096);
        (direct & machine.offered_fields).for_each([&](FieldId id) {
            const u32 encoding = row_of(id).encoding.raw;
            bits[encoding / 8] = static_cast<u8>(bits[encoding / 8] & ~(1u << (encoding % 8)));
        });
    };
    machine.vmread_bitmap = mm::must_allocate(machine.pages);
    machine.vmwrite_bitmap = mm::must_allocate(machine.pages);
    make(machine.vmread_bitmap, directly_readable);
    make(machine.vmwrite_bitmap, directly_writable);
}

void make_ordinary(Cpu& cpu, VmcsSlot& slot) {
    if (!slot.is_shadow) return;
    // If L0 touched it in this very turn it is active, and the indicator must not change under an active
    // VMCS.
    if (cpu.relink) clear_vmcs02(cpu, slot);
    *mm::at<u32>(slot.vmcs02) &= ~shadow_indicator;
    slot.is_shadow = false;
}

void link_shadow(Cpu& cpu) {
    cpu.relink = false;
    const auto vmcs01 = make_vmcs01_current(cpu);
    set_shadowing(cpu, vmcs01);
    if (cpu.nested.current == nullptr) {
        set_link(cpu, vmcs01, Hpa{no_pointer});
        return;
    }
    VmcsSlot& slot = slot_of(*cpu.nested.current);
    clear_vmcs02(cpu, slot);
    if (!slot.is_shadow) {
        *mm::at<u32>(slot.vmcs02) |= shadow_indicator;
        slot.is_shadow = true;
    }
    set_link(cpu, vmcs01, slot.vmcs02);
}

}  // namespace kurma::l0
