// REFLECT on metal: save from vmcs02, change the current VMCS, load into vmcs01.
#include <vmx/reflect.hpp>

#include "../trace/death.hpp"
#include "ept02.hpp"
#include "l1_shadowing.hpp"
#include "l1_state.hpp"
#include "l1_world.hpp"
#include "msr_areas.hpp"
#include "pdptes.hpp"
#include "refusals.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// VM-abort indicators (SDM 3C 28.7).
constexpr u32 abort_saving_msrs = 1, abort_loading_msrs = 4;

[[noreturn]] void vm_abort(Cpu& cpu, const VmcsSlot& slot, u32 indicator, const char* what) {
    if (const auto host = cpu.machine->partition.translate_for_write(slot.vmcs12.region))
        mm::at<Vmcs12Region>(*host)->abort_indicator = indicator;
    l1_died(cpu, what);
}

/// L1 in PAE paging gets its PDPTEs with its CR3; vmcs01 uses EPT and so takes them from the VMCS (SDM
/// 3C 28.5.4).
void load_pdptes_of_l1(const Cpu& cpu, const Vmcs12& v, const CurrentVmcs<Which::vmcs01>& vmcs01) {
    if (v.get(field::exit_controls).has(Exit::host_address_space_size)) return;
    if ((v.get(field::host_cr4) & x86::cr4::pae) == 0) return;
    const u64* const pdptes = mm::at<u64>(cpu.machine->place(v.get(field::host_cr3) & 0xffffffe0));
    write_pdptes(vmcs01, pdptes);
}

/// L0's note of vmcs02's entry controls, after an exit that has brought vmcs12's up to L2's mode, as it has
/// vmcs02's own.
EntryControls mode_kept_up(EntryControls present, const Vmcs12& v) {
    return present.with_if(v.get(field::entry_controls).has(Entry::ia32e_mode_guest),
                           Entry::ia32e_mode_guest);
}

/// NMIs are blocked after an exit that an NMI caused, and stay so if L2 ran with them blocked; with virtual
/// NMIs, L2's blocking is of its own NMIs and says nothing of L1's (SDM 3C 25.3, 28.5.5).
NmiBlocking nmi_blocking_after(const Vmcs12& v, ExitReason reason, const CurrentVmcs<Which::vmcs02>& vmcs02) {
    const bool by_nmi = !reason.entry_failure() && reason.basic() == Reason::exception_or_nmi &&
                        read(vmcs02, field::exit_interruption_info).type() == EventType::nmi;
    const bool before = !v.get(field::pin_controls).has(Pin::virtual_nmis) &&
                        (read(vmcs02, field::guest_interruptibility) & interruptibility::nmi) != 0;
    return by_nmi || before ? NmiBlocking::in_effect : NmiBlocking::none;
}

/// What few exits to L1 save beside what every one does, from the current vmcs02.
[[gnu::noinline]] void save_more(Cpu& cpu, VmcsSlot& slot) {
    if (slot.l1_shadow.in_use) save_l1_shadow(cpu, slot);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    save_l2(slot.vmcs12, vmcs02);
    if (!store_exit_msrs(cpu, slot))
        vm_abort(cpu, slot, abort_saving_msrs, "VM abort: an MSR of the VM-exit MSR-store area");
}

/// And what few of them load into vmcs01, or flush.
[[gnu::noinline]] void load_more(Cpu& cpu, VmcsSlot& slot) {
    const auto vmcs01 = make_vmcs01_current(cpu);
    load_pdptes_of_l1(cpu, slot.vmcs12, vmcs01);
    if (cpu.machine->policy.vpid_l2 == VpidL2::flush) execute_invvpid_single(cpu, Cpu::vpid01);
    if (slot.vmcs12.get(field::exit_msr_load_count) != 0) stop_watching(cpu);
    if (!load_exit_msrs(cpu, slot))
        vm_abort(cpu, slot, abort_loading_msrs, "VM abort: an MSR of the VM-exit MSR-load area");
}

/// The entry failed late: L1 sees an exit, and nothing is saved.
[[gnu::noinline]] void reflect_failed_entry(Cpu& cpu, VmcsSlot& slot, ExitReason reason) {
    entry_did_not_happen(cpu, slot);
    if (reason.basic() == Reason::msr_loading && slot.unreachable_msr_entry != 0)
        override_exit_information(cpu, slot, field::exit_qualification, slot.unreachable_msr_entry);
    name_failed_entry(cpu, slot, reason.basic());
    const Vmcs12& v = slot.vmcs12;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    LeftByL2 left = left_by_l2(v, vmcs02);
    const NmiBlocking blocking = nmi_blocking_after(v, reason, vmcs02);
    const auto vmcs01 = make_vmcs01_current(cpu);
    // Guest state that the processor refused was never loaded: what is left is L1's own.
    if (reason.basic() == Reason::invalid_guest_state) left = left_by_l2(v, vmcs01);
    load_host_state(cpu, slot, left, blocking, vmcs01);
    load_more(cpu, slot);
    cpu.level = Level::l1;
}

}  // namespace

Why reflect_to_l1(Cpu& cpu, const L2Exit& exit, Why why) {
    VmcsSlot& slot = *cpu.running;
    if (exit.reason.entry_failure()) [[unlikely]] {
        reflect_failed_entry(cpu, slot, exit.reason);
        return why;
    }
    Vmcs12& v = slot.vmcs12;
    if (!slot.plain_exit) [[unlikely]]
        save_more(cpu, slot);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    if (!slot.lazy_is_set) [[unlikely]] {
        v.in_vmcs02 = slot.lazy;
        slot.lazy_is_set = true;
    }
    const LeftByL2 left = left_by_l2(v, vmcs02);
    if (note_exit(v, cpu.machine->offered, left, vmcs02)) [[unlikely]]
        slot.present.entry = mode_kept_up(slot.present.entry, v);
    slot.known02 = {.efer = left.efer, .pat = left.pat};
    const NmiBlocking blocking = nmi_blocking_after(v, exit.reason, vmcs02);
    give_back_pdptes(slot, vmcs02);
    const auto vmcs01 = make_vmcs01_current(cpu);
    load_host_state(cpu, slot, left, blocking, vmcs01);
    if (!slot.plain_exit) [[unlikely]]
        load_more(cpu, slot);
    cpu.level = Level::l1;
    return why;
}

}  // namespace kurma::l0
