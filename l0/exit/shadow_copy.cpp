#include "shadow_copy.hpp"

#include <vmx/shadow_sets.hpp>

#include "../cpu/vmcs.hpp"
#include "../cpu/vmx_root.hpp"
#include "../trace/panic.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

using Values = std::array<u64, CopiedFields::capacity>;

u64 read_counted(Cpu& cpu, u32 encoding) {
    ++cpu.totals.vmread;
    return hw::vmread(encoding);
}
void write_counted(Cpu& cpu, u32 encoding, u64 value) {
    ++cpu.totals.vmwrite;
    hw::vmwrite(encoding, value);
}

/// Writes every field once, so that L0 knows from then on what the copy holds.
void make_copy(Cpu& cpu, ShadowCopy& copy) {
    copy.vmcs = make_shadow_vmcs(cpu);
    make_current(cpu, copy.vmcs);
    const CopiedFields& fields = cpu.machine->copied;
    for (usize i = 0; i < fields.count; ++i) write_counted(cpu, fields.field[i].encoding, 0);
}

}  // namespace

void choose_copied_fields(Machine& machine) {
    const ShadowSets sets = shadow_sets(VmcsAccess::shadow_copy, machine.host.vmwrite_any_field());
    CopiedFields& fields = machine.copied;
    const auto append = [&](FieldId id) {
        CHECK(fields.count < CopiedFields::capacity);
        fields.field[fields.count++] = {row_of(id).encoding.raw, id, row_of(id).home};
    };
    (sets.writable & machine.offered_fields).for_each(append);
    fields.writable = fields.count;
    (sets.readable & machine.offered_fields).for_each([&](FieldId id) {
        if (!sets.writable.has(id)) append(id);
    });
}

void fill_copy(Cpu& cpu, VmcsSlot& slot) {
    const CopiedFields& fields = cpu.machine->copied;
    Values now;
    make_vmcs02_current(cpu, slot);
    for (usize i = 0; i < fields.count; ++i) {
        const CopiedFields::One& one = fields.field[i];
        now[i] = one.home == Home::vmcs02 ? read_counted(cpu, one.encoding)
                                          : slot.vmcs12.image[static_cast<usize>(one.id)];
    }
    if (slot.copy.vmcs.value() == 0) make_copy(cpu, slot.copy);
    make_current(cpu, slot.copy.vmcs);
    for (usize i = 0; i < fields.count; ++i) {
        if (now[i] == slot.copy.known[i]) continue;
        slot.copy.known[i] = now[i];
        write_counted(cpu, fields.field[i].encoding, now[i]);
    }
    release_vmcs(cpu, slot.copy.vmcs);
    make_vmcs01_current(cpu);
    slot.reach = Reach::copy;
}

void fetch_copy(Cpu& cpu, VmcsSlot& slot) {
    const CopiedFields& fields = cpu.machine->copied;
    Vmcs12& v = slot.vmcs12;
    Values now;
    make_current(cpu, slot.copy.vmcs);
    for (usize i = 0; i < fields.writable; ++i) now[i] = read_counted(cpu, fields.field[i].encoding);
    release_vmcs(cpu, slot.copy.vmcs);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    for (usize i = 0; i < fields.writable; ++i) {
        if (now[i] == slot.copy.known[i]) continue;
        slot.copy.known[i] = now[i];
        const CopiedFields::One& one = fields.field[i];
        if (one.home == Home::vmcs02) {
            vmcs02.write_raw(one.id, now[i]);
        } else {
            v.image[static_cast<usize>(one.id)] = now[i];
            v.dirty.add(one.id);
            v.checked = false;
        }
    }
    slot.reach = Reach::none;
}

void write_to_copy(Cpu& cpu, VmcsSlot& slot, FieldId id, u64 value) {
    const CopiedFields& fields = cpu.machine->copied;
    for (usize i = 0; i < fields.count; ++i) {
        if (fields.field[i].id != id) continue;
        slot.copy.known[i] = value & value_mask(row_of(id).encoding);
        make_current(cpu, slot.copy.vmcs);
        write_counted(cpu, fields.field[i].encoding, value);
        release_vmcs(cpu, slot.copy.vmcs);
    }
}

}  // namespace kurma::l0
