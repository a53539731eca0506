// From L1's VMLAUNCH or VMRESUME to vmcs02: CHECK, MERGE, and what becomes of an entry that fails late.
#include "nested_entry.hpp"

#include "../hw/cpu.hpp"
#include "../trace/death.hpp"
#include "../trace/log.hpp"
#include "bitmaps.hpp"
#include "entry_checks.hpp"
#include "ept02.hpp"
#include "l1_shadowing.hpp"
#include "l1_state.hpp"
#include "l1_world.hpp"
#include "msr_areas.hpp"
#include "observe.hpp"
#include "pdptes.hpp"
#include "refusals.hpp"
#include "rooms.hpp"
#include "shadow_vmcs.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::Hpa;
using ept::L1Gpa;

namespace {

/// Where an address of L1's leads that may be a device's or the ROM's: such a page is mapped for L1 when it
/// is first touched, and this may be the first time. The APIC-access page, which is only compared with, is
/// often the real local APIC's.
Hpa place_device_too(const Cpu& cpu, u64 address12) {
    const L1Gpa page{address12};
    if (const auto memory = cpu.machine->partition.translate(page)) return *memory;
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    if (!world.walk01(page)) cpu.machine->partition.map_on_demand(world, page);
    const auto leaf = world.walk01(page);
    return leaf ? leaf->page + page.offset(leaf->size) : cpu.machine->nowhere;
}

Placement02 placement(const Cpu& cpu, const VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const bool io_of_l1 = v.get(field::primary_controls).has(Primary::use_io_bitmaps);
    return {.msr_bitmap = slot.msr_bitmap02,
            .io_bitmap_a = io_of_l1 ? slot.io_bitmap02_a : cpu.machine->io_bitmap01_a,
            .io_bitmap_b = io_of_l1 ? slot.io_bitmap02_b : cpu.machine->io_bitmap01_b,
            .virtual_apic = cpu.machine->place_for_write(v.get(field::virtual_apic_address)),
            .apic_access = v.secondary().has(Secondary::virtualize_apic_accesses)
                               ? place_device_too(cpu, v.get(field::apic_access_address))
                               : cpu.machine->nowhere,
            .vmread_bitmap = slot.l1_shadow.vmread_bitmap,
            .vmwrite_bitmap = slot.l1_shadow.vmwrite_bitmap,
            .eptp = slot.ept02 != nullptr ? slot.ept02->eptp02 : cpu.machine->partition.eptp01(),
            .vpid = cpu.machine->policy.vpid_l2 == VpidL2::flush ? Cpu::vpid01 : slot.vpid02};
}

/// L2's translations under this vmcs02's tag stay good only while L1 means the same VPID; without VPIDs every
/// entry flushes (SDM 3C 29.4.3.1).
[[gnu::noinline]] void renew_vpid(Cpu& cpu, VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const u16 vpid12 = v.secondary().has(Secondary::enable_vpid) ? v.get(field::vpid) : u16{0};
    const bool flush = cpu.machine->policy.vpid_l2 == VpidL2::flush;
    // A tag that L1 has, too, holds nothing that this entry may use: with 0 here the next one flushes again.
    slot.last_vpid12 = flush ? u16{0} : vpid12;
    execute_invvpid_single(cpu, flush ? Cpu::vpid01 : slot.vpid02);
}

void keep_vpid(Cpu& cpu, VmcsSlot& slot) {
    if (slot.last_vpid12 == 0) [[unlikely]]
        renew_vpid(cpu, slot);
}

/// Where L1 does not use EPT, vmcs02 does, so PAE paging takes its PDPTEs from the VMCS: L0 loads them as the
/// entry would (SDM 3C 27.3.2.4).
void load_pdptes(const Cpu& cpu, VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    const Vmcs12& v = slot.vmcs12;
    if (v.secondary().has(Secondary::enable_ept)) return;
    const bool pae = (read(vmcs02, field::guest_cr0) & x86::cr0::pg) != 0 &&
                     (read(vmcs02, field::guest_cr4) & x86::cr4::pae) != 0 &&
                     !v.get(field::entry_controls).has(Entry::ia32e_mode_guest);
    if (!pae) return;
    const u64 table = read(vmcs02, field::guest_cr3) & 0xffffffe0;
    read_pdptes(vmcs02, slot.pdptes_of_l1.data());
    slot.has_pdptes_of_l0 = true;
    const auto memory = cpu.machine->partition.translate(L1Gpa{table});
    write_pdptes(vmcs02, mm::at<u64>(memory ? *memory : place_device_too(cpu, table)));
}

/// What vmcs02 gets as its link pointer. For one of L1's that is bad: one that the processor refuses, so that
/// this failure keeps its place among those of guest state, which the processor finds (SDM 3C 27.3.1.5).
Hpa place_link_pointer(Cpu& cpu, VmcsSlot& slot) {
    constexpr Hpa refused{1};
    const Vmcs12& v = slot.vmcs12;
    const bool shadowing = v.secondary().has(Secondary::vmcs_shadowing);
    if (shadowing) load_l1_field_bitmaps(cpu, slot);
    const u64 pointer = v.get(field::vmcs_link_pointer);
    if (pointer == no_pointer) return Hpa{no_pointer};
    if (!check_link_pointer(v, first_word_at(cpu, pointer), cpu.machine->offered).passed()) return refused;
    return shadowing ? load_l1_shadow(cpu, slot) : Hpa{no_pointer};
}

void note_interrupt_in_service(VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    slot.in_service_at_entry = static_cast<u8>(read(vmcs02, field::guest_interrupt_status) >> 8);
}

/// Vmcs02 loads MSRs itself, straight from L1's area: in its place among the processor's checks, each entry
/// looked at once.
void load_msrs_at_entry(const Cpu& cpu, VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    const u32 count = slot.vmcs12.get(field::entry_msr_load_count);
    const L1Gpa area{slot.vmcs12.get(field::entry_msr_load_address)};
    slot.unreachable_msr_entry = first_unreachable_entry(cpu, area, count);
    // A page of ones is an entry that no processor loads.
    const bool reachable = slot.unreachable_msr_entry == 0;
    write(vmcs02, field::entry_msr_load_address,
          cpu.machine->place(reachable ? area.value() : no_pointer).value());
    write(vmcs02, field::entry_msr_load_count, reachable ? count : 1);
}

/// Notes what only this entry is to do.
void prepare_tidying(const Cpu& cpu, VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    const Vmcs12& v = slot.vmcs12;
    if (slot.loads_msrs) [[unlikely]]
        write(vmcs02, field::entry_msr_load_count, 0);
    slot.loads_msrs = v.get(field::entry_msr_load_count) != 0;
    slot.timer_at_zero =
        v.get(field::pin_controls).has(Pin::preemption_timer) && v.get(field::preemption_timer_value) == 0;
    slot.delivers_interrupts = v.secondary().has(Secondary::virtual_interrupt_delivery);
    slot.needs_tidying = slot.loads_msrs || slot.timer_at_zero || slot.delivers_interrupts;
    if (slot.loads_msrs) [[unlikely]]
        load_msrs_at_entry(cpu, slot, vmcs02);
    if (slot.delivers_interrupts) [[unlikely]]
        note_interrupt_in_service(slot, vmcs02);
}

}  // namespace

void tidy_after_exit(VmcsSlot& slot, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    if (slot.loads_msrs) write(vmcs02, field::entry_msr_load_count, 0);
    slot.loads_msrs = false;
    if (slot.timer_at_zero) write(vmcs02, field::preemption_timer_value, 0);
    if (slot.delivers_interrupts) note_interrupt_in_service(slot, vmcs02);
}

namespace {

/// Everything of an entry that stays as it is until L1 writes a field other than the event. Nothing, or what
/// L1 is told instead of the entry.
[[gnu::noinline]] std::optional<InstrOutcome> prepare_entry(Cpu& cpu, VmcsSlot& slot, L1Mode mode) {
    Vmcs12& v = slot.vmcs12;
    CheckResult failure{};
    VmInstructionError error{};
    const auto checked = check_entry(cpu, v, mode, failure, error);
    if (!checked) return refused_by_checks(cpu, slot, failure, error);
    cpu.running = &slot;
    host_state_changed(cpu, slot);
    const Hpa link02 = place_link_pointer(cpu, slot);

    const bool ept12 = v.secondary().has(Secondary::enable_ept);
    const bool ept02_lost = ept12 && slot.ept02 == nullptr;
    if (ept02_lost || v.dirty.has(FieldId::eptp) || v.dirty.has(FieldId::secondary_controls) ||
        v.dirty.has(FieldId::primary_controls)) {
        slot.ept02 = ept12 ? &ept02_for(cpu, v.get(field::eptp)) : nullptr;
        v.dirty.add(FieldId::eptp);
    }
    note_bitmap_fields(slot);
    const u16 vpid12 = v.secondary().has(Secondary::enable_vpid) ? v.get(field::vpid) : u16{0};
    if (vpid12 != slot.last_vpid12) slot.last_vpid12 = 0;

    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    save_at_last(v, vmcs02);
    slot.lazy_is_set = false;
    slot.known02 = {};
    if (!v.dirty.empty()) {
        merge_same(*checked, vmcs02);
        if (!(v.dirty & computed_controls).empty())
            merge_computed(*checked, cpu.machine->host, placement(cpu, slot), vmcs02, slot.present,
                           machine().added02);
        v.dirty.clear();
    }
    v.changed = false;
    load_pdptes(cpu, slot, vmcs02);
    if (slot.link02 != link02) {
        slot.link02 = link02;
        write(vmcs02, field::vmcs_link_pointer, link02.value());
    }
    prepare_tidying(cpu, slot, vmcs02);
    if (cpu.machine->policy.entry_checks == EntryChecks::all) [[unlikely]]
        check_entry_state(cpu, slot);

    const bool lazily = cpu.machine->policy.guest_sync == GuestSync::lazy;
    slot.lazy = lazily ? saved_lazily(v) : FieldSet{};
    const bool no_link = v.get(field::vmcs_link_pointer) == no_pointer;
    slot.prepared = ept12 && no_link && !slot.needs_tidying;
    slot.plain_exit = slot.prepared && lazily && !saves_eagerly(v) &&
                      v.get(field::exit_controls).has(Exit::host_address_space_size) &&
                      v.get(field::exit_msr_store_count) == 0 && v.get(field::exit_msr_load_count) == 0 &&
                      cpu.machine->policy.vpid_l2 == VpidL2::own;
    return std::nullopt;
}

}  // namespace

InstrOutcome enter_l2(Cpu& cpu) {
    VmcsSlot& slot = slot_of(*cpu.nested.current);
    bring_home(cpu, slot);
    Vmcs12& v = slot.vmcs12;
    const Inherited l1 = inherited_from_l1(cpu, v, make_vmcs01_current(cpu));
    const L1Mode mode = (l1.efer & x86::efer::lma) != 0 ? L1Mode::ia32e : L1Mode::legacy;
    if (!slot.prepared || v.changed || !v.checked_in(mode) || slot.ept02 == nullptr) [[unlikely]]
        if (const auto refusal = prepare_entry(cpu, slot, mode)) return *refusal;
    v.exit_information_in_image = false;
    slot.was_launched = v.launched;
    slot.launching02 = false;
    cpu.running = &slot;
    if (!slot.prefill.empty()) [[unlikely]]
        prefill(cpu, slot);
    keep_bitmaps(cpu, slot);
    keep_vpid(cpu, slot);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    merge_entry(Checker::passed(v), l1, slot.known02, vmcs02);
    v.launched = true;
    cpu.level = Level::l2;
    return InstrOutcome::enter_l2();
}

void entry_did_not_happen(Cpu& cpu, VmcsSlot& slot) {
    slot.vmcs12.launched = slot.was_launched;
    if (slot.launching02) slot.launched02 = false;
    slot.l1_shadow.in_use = false;
    slot.known02 = {};
    // Only an exit takes the event out of the VMCS; the next entry must not find this one's.
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    entry_is_over(slot, vmcs02);
    write(vmcs02, field::entry_interruption_info, InterruptionInfo{});
    give_back_pdptes(slot, vmcs02);
}

void refused_by_hardware(Cpu& cpu, Gprs& gprs) {
    const u64 error = hw::vmread(field::vm_instruction_error.encoding.raw);
    if (cpu.level == Level::l1) l1_died(cpu, "the processor refused vmcs01's controls");
    // L0's host state and its own control bits are right, so it is vmcs12's controls that are not.
    if (error != static_cast<u64>(VmInstructionError::entry_invalid_control))
        l1_died(cpu, "the processor refused vmcs02's host state");
    VmcsSlot& slot = *cpu.running;
    name_refused_controls(cpu, slot);
    entry_did_not_happen(cpu, slot);
    slot.vmcs12.checked = slot.vmcs12.others_checked = false;
    cpu.level = Level::l1;
    make_vmcs01_current(cpu);
    L1World world{cpu, gprs};
    finish(world, InstrOutcome::fail_valid(VmInstructionError::entry_invalid_control));
}

}  // namespace kurma::l0
