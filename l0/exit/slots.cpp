#include "slots.hpp"

#include "../cpu/vmcs.hpp"
#include "../cpu/vmx_root.hpp"
#include "../perf/counter.hpp"
#include "shadow_copy.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::L1Gpa;

namespace {

const Vmcs12Region* region_in_memory(const Cpu& cpu, L1Gpa region) {
    const auto host = cpu.machine->partition.translate(region);
    return host ? mm::at<Vmcs12Region>(*host) : nullptr;
}

Vmcs12Region* region_to_write(const Cpu& cpu, L1Gpa region) {
    const auto host = cpu.machine->partition.translate_for_write(region);
    return host ? mm::at<Vmcs12Region>(*host) : nullptr;
}

void make_resources(Cpu& cpu, VmcsSlot& slot) {
    mm::Pages& pages = cpu.machine->pages;
    slot.vmcs02 = make_vmcs(cpu);
    slot.msr_bitmap02 = mm::must_allocate(pages);
    slot.io_bitmap02_a = mm::must_allocate(pages);
    slot.io_bitmap02_b = mm::must_allocate(pages);
    slot.vpid02 = static_cast<u16>(Cpu::first_vpid02 + (&slot - cpu.slots.data()));
    perf::write_levels_to_vmcs02(cpu, slot);
}

/// Brings a slot's vmcs02 from whatever it was used for to the state of a vmcs12 just loaded.
void fill_vmcs02(Cpu& cpu, VmcsSlot& slot) {
    clear_vmcs02(cpu, slot);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    write_common(cpu, vmcs02);
    const auto write_from_image = [&](const FieldSet& fields) {
        (fields & cpu.machine->host_fields).for_each([&](FieldId id) {
            vmcs02.write_raw(id, slot.vmcs12.image[static_cast<usize>(id)]);
        });
    };
    write_from_image(all_home02_state);
    slot.vmcs12.exit_information_in_image = !cpu.machine->host.vmwrite_any_field();
    if (!slot.vmcs12.exit_information_in_image) write_from_image(all_exit_information);
    write(vmcs02, field::pin_controls, PinControls{});
    write(vmcs02, field::primary_controls, PrimaryControls{});
    write(vmcs02, field::secondary_controls, SecondaryControls{});
    write(vmcs02, field::exit_controls, ExitControls{});
    write(vmcs02, field::entry_controls, EntryControls{});
    if (cpu.machine->host_fields.has(FieldId::vm_function_controls))
        write(vmcs02, field::vm_function_controls, 0);
    slot.present = {};
    slot.link02 = ept::Hpa{no_pointer};
    slot.needs_tidying = slot.loads_msrs = false;
}

void save_to(Cpu& cpu, VmcsSlot& slot, bool clear) {
    if (slot.reach == Reach::copy) fetch_copy(cpu, slot);
    Vmcs12Region* const region = region_to_write(cpu, slot.vmcs12.region);
    if (region == nullptr) return;
    exit_information_to_image(cpu, slot);
    guest_state_to_image(cpu, slot);
    region->launched = !clear && slot.vmcs12.launched;
    region->image = slot.vmcs12.image;
}

struct Occupation {
    usize used = 0;
    VmcsSlot *free = nullptr, *oldest = nullptr;
};

Occupation occupation(Cpu& cpu) {
    Occupation o;
    for (VmcsSlot& slot : cpu.slots) {
        if (!slot.in_use) {
            if (o.free == nullptr) o.free = &slot;
            continue;
        }
        ++o.used;
        if (o.oldest == nullptr || slot.last_use < o.oldest->last_use) o.oldest = &slot;
    }
    return o;
}

VmcsSlot& free_slot(Cpu& cpu) {
    const Occupation o = occupation(cpu);
    if (o.used < cpu.machine->policy.vmcs02_cache) return *o.free;
    write_back(cpu, *o.oldest);
    return *o.oldest;
}

}  // namespace

VmcsSlot* find_slot(Cpu& cpu, L1Gpa region) {
    for (usize i = 0; i < cpu.slots_used; ++i) {
        VmcsSlot& slot = cpu.slots[i];
        if (slot.in_use && slot.vmcs12.region == region) {
            slot.last_use = ++cpu.clock;
            return &slot;
        }
    }
    return nullptr;
}

VmcsSlot& activate_slot(Cpu& cpu, L1Gpa region) {
    VmcsSlot& slot = free_slot(cpu);
    if (slot.vmcs02.value() == 0) make_resources(cpu, slot);
    slot.in_use = true;
    cpu.slots_used = std::max(cpu.slots_used, static_cast<usize>(&slot - cpu.slots.data()) + 1);
    slot.last_use = ++cpu.clock;
    slot.ept02 = nullptr;
    slot.last_vpid12 = 0;
    Vmcs12& v = slot.vmcs12;
    v.region = region;
    v.dirty = all_home12 & cpu.machine->host_fields;
    v.changed = true;
    v.in_vmcs02 = {};
    v.checked = v.others_checked = false;
    if (const Vmcs12Region* const memory = region_in_memory(cpu, region); memory != nullptr) {
        v.image = memory->image;
        v.launched = memory->launched == 1;
    } else {
        v.image = {};
        v.launched = false;
    }
    // A field has no more bits than its width, whatever L1 left in the page.
    for (usize i = 0; i < field_count; ++i) v.image[i] &= value_mask(field_rows[i].encoding);
    fill_vmcs02(cpu, slot);
    return slot;
}

void vmcs02_cache_changed(Cpu& cpu) {
    // The current VMCS is the one that was used last, so it is never the one that goes.
    for (Occupation o = occupation(cpu); o.used > cpu.machine->policy.vmcs02_cache; o = occupation(cpu))
        write_back(cpu, *o.oldest);
    make_vmcs01_current(cpu);
}

void vpid_l2_changed(Cpu& cpu) {
    for (VmcsSlot& slot : cpu.slots) {
        slot.last_vpid12 = 0;
        slot.vmcs12.note_write(FieldId::vpid);
    }
}

void write_back(Cpu& cpu, VmcsSlot& slot) {
    save_to(cpu, slot, false);
    slot.in_use = false;
}

void clear_slot(Cpu& cpu, VmcsSlot& slot) {
    save_to(cpu, slot, true);
    slot.in_use = false;
}

void mark_region_clear(Cpu& cpu, L1Gpa region) {
    if (Vmcs12Region* const memory = region_to_write(cpu, region); memory != nullptr) memory->launched = 0;
}

void guest_state_to_image(Cpu& cpu, VmcsSlot& slot) {
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    (all_home02_state & cpu.machine->host_fields).for_each([&](FieldId id) {
        slot.vmcs12.image[static_cast<usize>(id)] = vmcs02.read_raw(id);
    });
    slot.vmcs12.in_vmcs02.for_each(
        [&](FieldId id) { slot.vmcs12.image[static_cast<usize>(id)] = vmcs02.read_raw(id); });
}

void exit_information_to_image(Cpu& cpu, VmcsSlot& slot) {
    Vmcs12& v = slot.vmcs12;
    if (v.exit_information_in_image) return;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    (all_exit_information & cpu.machine->host_fields).for_each([&](FieldId id) {
        v.image[static_cast<usize>(id)] = vmcs02.read_raw(id);
    });
    v.exit_information_in_image = true;
}

}  // namespace kurma::l0
