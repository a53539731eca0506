#include "l1_shadowing.hpp"

#include <vmx/instruction.hpp>

#include "../cpu/vmx_root.hpp"
#include "l2_instruction.hpp"
#include "rooms.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::Hpa;
using ept::L1Gpa;

namespace {

constexpr u64 bitmap_encodings = 0x8000;

bool bit_of(const u8* page, u64 bit) { return ((page[bit / 8] >> (bit % 8)) & 1) != 0; }

/// L1's bitmap, with a bit set for each field that is hidden from L1.
void merge_field_bitmap(const Cpu& cpu, Hpa page02, u64 address12) {
    u64* const out = mm::at<u64>(page02);
    const auto* const of_l1 = mm::at<volatile u64>(cpu.machine->place(address12));
    const u64* const hidden = mm::at<u64>(cpu.machine->hidden_fields);
    for (usize i = 0; i < bitmap_encodings / 64; ++i) out[i] = of_l1[i] | hidden[i];
}

/// Whether L2 may reach a field through a merged bitmap, either half of it.
bool reachable(Hpa bitmap02, FieldId id) {
    const Encoding encoding = row_of(id).encoding;
    const u8* const bits = mm::at<u8>(bitmap02);
    return !bit_of(bits, encoding.raw) ||
           (encoding.width() == FieldWidth::w64 && !bit_of(bits, encoding.raw | 1));
}

/// The region that vmcs12's link pointer names. It was found good at the entry.
Vmcs12Region& linked_region(const Cpu& cpu, const VmcsSlot& slot) {
    return *mm::at<Vmcs12Region>(cpu.machine->place_for_write(slot.vmcs12.get(field::vmcs_link_pointer)));
}

void make_pages(Cpu& cpu, L1Shadow& shadow) {
    mm::Pages& pages = cpu.machine->pages;
    shadow.vmcs = make_shadow_vmcs(cpu);
    shadow.vmread_bitmap = mm::must_allocate(pages);
    shadow.vmwrite_bitmap = mm::must_allocate(pages);
}

}  // namespace

void find_hidden_fields(Machine& machine) {
    if (!machine.offered.may(Secondary::vmcs_shadowing)) return;
    machine.hidden_fields = mm::must_allocate(machine.pages);
    u8* const bits = mm::at<u8>(machine.hidden_fields);
    for (u32 encoding = 0; encoding < bitmap_encodings; ++encoding) {
        const FieldLookup known = find_field(encoding);
        const bool offered = known.found && machine.offered_fields.has(known.id);
        if (!offered && hw::has_field(encoding))
            bits[encoding / 8] = static_cast<u8>(bits[encoding / 8] | 1u << (encoding % 8));
    }
}

void load_l1_field_bitmaps(Cpu& cpu, VmcsSlot& slot) {
    L1Shadow& shadow = slot.l1_shadow;
    if (shadow.vmcs.value() == 0) make_pages(cpu, shadow);
    merge_field_bitmap(cpu, shadow.vmread_bitmap, slot.vmcs12.get(field::vmread_bitmap));
    merge_field_bitmap(cpu, shadow.vmwrite_bitmap, slot.vmcs12.get(field::vmwrite_bitmap));
}

Hpa load_l1_shadow(Cpu& cpu, VmcsSlot& slot) {
    L1Shadow& shadow = slot.l1_shadow;
    if (VmcsSlot* const active = find_slot(cpu, L1Gpa{slot.vmcs12.get(field::vmcs_link_pointer)}))
        write_back(cpu, *active);
    const Vmcs12Region& region = linked_region(cpu, slot);
    make_current(cpu, shadow.vmcs);
    cpu.machine->offered_fields.for_each([&](FieldId id) {
        if (!reachable(shadow.vmread_bitmap, id) && !reachable(shadow.vmwrite_bitmap, id)) return;
        const Encoding encoding = row_of(id).encoding;
        ++cpu.totals.vmwrite;
        hw::vmwrite(encoding.raw, region.image[static_cast<usize>(id)] & value_mask(encoding));
    });
    release_vmcs(cpu, shadow.vmcs);
    shadow.in_use = true;
    return shadow.vmcs;
}

void save_l1_shadow(Cpu& cpu, VmcsSlot& slot) {
    L1Shadow& shadow = slot.l1_shadow;
    shadow.in_use = false;
    Vmcs12Region& region = linked_region(cpu, slot);
    make_current(cpu, shadow.vmcs);
    cpu.machine->offered_fields.for_each([&](FieldId id) {
        if (!reachable(shadow.vmwrite_bitmap, id)) return;
        ++cpu.totals.vmread;
        region.image[static_cast<usize>(id)] = hw::vmread(row_of(id).encoding.raw);
    });
    release_vmcs(cpu, shadow.vmcs);
}

Why answer_shadowed_field(Cpu& cpu, Gprs& gprs, const L2Exit& exit) {
    VmcsSlot& slot = *cpu.running;
    Vmcs12& v = slot.vmcs12;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    const unsigned index = InstructionInfo{read(vmcs02, field::exit_instruction_info)}.register2();
    u64 encoding = index == Gprs::rsp ? read(vmcs02, field::guest_rsp) : gprs.value[index];
    if (!instr::long_mode_code(vmcs02)) encoding &= 0xffffffff;
    const u64 bitmap =
        exit.reason.basic() == Reason::vmread ? v.get(field::vmread_bitmap) : v.get(field::vmwrite_bitmap);
    if (encoding >= bitmap_encodings || bit_of(mm::at<u8>(cpu.machine->place(bitmap)), encoding))
        return reflect_to_l1(cpu, exit, Why::l2_vmx_instruction);
    // L1 lets it through, so what L0 stopped at is a field that is hidden from L1.
    if (read(vmcs02, field::guest_ss_access_rights).dpl() != 0)
        return raise_in_l2(cpu, slot, x86::Fault::gp(), Why::l2_shadowed_field);
    u64 flags = read(vmcs02, field::guest_rflags) & ~x86::rflags::arithmetic;
    if (v.get(field::vmcs_link_pointer) == no_pointer) {
        flags |= x86::rflags::cf;
    } else {
        flags |= x86::rflags::zf;
        v.set(field::vm_instruction_error, static_cast<u32>(VmInstructionError::unsupported_component));
    }
    write(vmcs02, field::guest_rflags, flags);
    advance_l2(slot, vmcs02);
    return Why::l2_shadowed_field;
}

}  // namespace kurma::l0
