#include "fake_world.hpp"

#include <stdexcept>

namespace kurma::vmx::testing {

namespace {

/// Access rights by SDM 3C table 25-2, not by the library's names.
constexpr u32 code_64 = 0xa09b, code_32 = 0xc09b, data = 0xc093;

/// Where Vmcs12Region keeps what: a revision, an abort indicator, the launch state, and the values.
constexpr u64 launched_offset = 8, image_offset = 16;

}  // namespace

FakeWorld::FakeWorld(const Capabilities& offered, usize slots)
    : FakeMemory(memory_bytes),
      offered_(offered),
      capacity_(slots),
      tables_(*this, PagingMode::four_level, tables_at) {
    for (u64 page = 0; page < mapped_bytes; page += 0x1000) tables_.map(page, page, pte::supervisor_rw);
    cr0_ = 0x8001'0031;  // PG, WP, NE, ET, PE
    cr4_ = 0x2020;       // VMXE, PAE
    vmcs01_.set(field::guest_cr0, cr0_);
    vmcs01_.set(field::guest_cr4, cr4_);
    vmcs01_.set(field::guest_cr3, tables_.root());
    vmcs01_.set(field::guest_efer, 0xd00);  // LME, LMA, NXE
    vmcs01_.set(field::guest_cs_access_rights, {code_64});
    vmcs01_.set(field::guest_ss_access_rights, {data});
    vmcs01_.set(field::guest_rip, rip);
    vmcs01_.set(field::guest_rflags, rflags);
    vmcs01_.set(field::exit_instruction_length, instruction_length);
    nested_.in_vmx_operation = true;
    nested_.long_mode = true;
    nested_.vmxon_pointer = vmxon_region;
    nested_.feature_control = 5;  // locked, VMX outside of SMX
    poke(vmxon_region, offered_.basic & 0x7fff'ffff, 4);
}

void FakeWorld::become_32_bit() {
    nested_.long_mode = false;
    tables_ = PageTables{*this, PagingMode::bits32, tables_at + (1u << 20)};
    for (u64 page = 0; page < mapped_bytes; page += 0x1000) tables_.map(page, page, pte::supervisor_rw);
    cr4_ = 0x2000;
    vmcs01_.set(field::guest_cr4, cr4_);
    vmcs01_.set(field::guest_cr3, tables_.root());
    vmcs01_.set(field::guest_efer, 0);
    vmcs01_.set(field::guest_cs_access_rights, {code_32});
    for (const FieldId id :
         {FieldId::guest_es_access_rights, FieldId::guest_ss_access_rights, FieldId::guest_ds_access_rights,
          FieldId::guest_fs_access_rights, FieldId::guest_gs_access_rights})
        vmcs01_.poke(id, data);
    for (const FieldId id : {FieldId::guest_es_limit, FieldId::guest_cs_limit, FieldId::guest_ss_limit,
                             FieldId::guest_ds_limit, FieldId::guest_fs_limit, FieldId::guest_gs_limit})
        vmcs01_.poke(id, 0xffff'ffff);
}

void FakeWorld::set_cpl(u32 cpl) {
    constexpr u32 dpl_shift = 5;
    vmcs01_.set(field::guest_ss_access_rights, {data | cpl << dpl_shift});
}

void FakeWorld::operand(const OperandForm& form, u64 displacement) {
    vmcs01_.set(field::exit_instruction_info, form.raw());
    vmcs01_.set(field::exit_qualification, displacement);
}

void FakeWorld::memory_operand(u64 address, unsigned register2) {
    const bool wide = vmcs01_.get(field::guest_cs_access_rights).raw == code_64;
    operand({.address_size = wide ? AddressSize::bits64 : AddressSize::bits32, .register2 = register2},
            address);
}

void FakeWorld::pointer_operand(u64 pointer) {
    poke(operand_at, pointer);
    memory_operand(operand_at);
}

FakeWorld::Slot& FakeWorld::make_current(u64 region) {
    poke(region, offered_.basic & 0x7fff'ffff, 4);
    nested_.make_current(activate(ept::L1Gpa{region}));
    return slot_of(*nested_.current);
}

FakeWorld::Slot& FakeWorld::slot_of(const Vmcs12& v) {
    for (const auto& slot : slots_)
        if (&slot->vmcs12 == &v) return *slot;
    throw std::logic_error("a vmcs12 that is not active");
}

Vmcs12* FakeWorld::find_active(ept::L1Gpa at) {
    for (const auto& slot : slots_)
        if (slot->vmcs12.region == at) return &slot->vmcs12;
    return nullptr;
}

Vmcs12* FakeWorld::activate(ept::L1Gpa at) {
    if (Vmcs12* const active = find_active(at); active != nullptr) return active;
    if (slots_.size() == capacity_) {
        write_back(*slots_.front(), LaunchState::kept);
        slots_.erase(slots_.begin());
    }
    slots_.push_back(std::make_unique<Slot>());
    Slot& slot = *slots_.back();
    slot.vmcs12.region = at;
    slot.vmcs12.launched = peek(at.value() + launched_offset, 4) != 0;
    slot.vmcs12.dirty = all_home12;
    slot.vmcs12.changed = true;
    for (usize i = 0; i < field_count; ++i) {
        const u64 value = peek(at.value() + image_offset + 8 * i);
        if (field_rows[i].home == Home::vmcs12)
            slot.vmcs12.image[i] = value;
        else
            slot.vmcs02.poke(static_cast<FieldId>(i), value);
    }
    return &slot.vmcs12;
}

void FakeWorld::write_back(Slot& slot, LaunchState state) {
    const u64 region = slot.vmcs12.region.value();
    poke(region + launched_offset, state == LaunchState::kept && slot.vmcs12.launched ? 1 : 0, 4);
    for (usize i = 0; i < field_count; ++i) {
        const auto id = static_cast<FieldId>(i);
        const bool in_image = slot.vmcs12.home_of(id) == Home::vmcs12;
        poke(region + image_offset + 8 * i, in_image ? slot.vmcs12.image[i] : slot.vmcs02.peek(id));
    }
}

void FakeWorld::deactivate_clear(Vmcs12& v) {
    write_back(slot_of(v), LaunchState::clear);
    std::erase_if(slots_, [&](const auto& slot) { return &slot->vmcs12 == &v; });
}

void FakeWorld::mark_clear(ept::L1Gpa at) { poke(at.value() + launched_offset, 0, 4); }

}  // namespace kurma::vmx::testing
