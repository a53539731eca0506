#include "l1_state.hpp"

#include <x86/msr.hpp>

namespace kurma::l0 {

using namespace vmx;

namespace {

/// An L1 that changes what is watched in every round would pay an exit each time: it is watched again after
/// so many.
constexpr u32 patience_after_change = 64;

constexpr u32 watched_msrs[] = {x86::msr::sysenter_cs, x86::msr::sysenter_esp, x86::msr::sysenter_eip,
                                x86::msr::debugctl,    x86::msr::pat,          x86::msr::efer};

bool can_watch(const Machine& machine) {
    return machine.policy.host_state == HostState::changed &&
           machine.host.may(Secondary::descriptor_table_exiting) &&
           machine.host.effective_primary().adjust(static_cast<u32>(Primary::mov_dr_exiting)) != 0;
}

/// Vmcs01's MSR bitmap: writes of low MSRs in its third quarter, of high ones in its fourth (SDM 3C 25.6.9).
void intercept_watched_msrs(const Machine& machine, bool on) {
    constexpr u32 low_writes = 2048, high_writes = 3072, high_base = 0xc0000000;
    u8* const bitmap = mm::at<u8>(machine.msr_bitmap01);
    for (const u32 msr : watched_msrs) {
        u8& byte = bitmap[(msr < high_base ? low_writes : high_writes) + (msr & 0x1fff) / 8];
        const u8 bit = static_cast<u8>(1u << (msr % 8));
        byte = static_cast<u8>(on ? byte | bit : byte & ~bit);
    }
}

/// Bits of CR0 that L1 does not change without an exit.
u64 held_cr0_bits(const Cpu& cpu) {
    using namespace x86::cr0;
    return cpu.nested.in_vmx_operation ? ne | pg | pe : ne;
}

void set_watching(Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs01, bool on) {
    cpu.l1.watched = on;
    intercept_watched_msrs(*cpu.machine, on);
    write(vmcs01, field::primary_controls,
          read(vmcs01, field::primary_controls).with_if(on, Primary::mov_dr_exiting));
    write(vmcs01, field::secondary_controls,
          read(vmcs01, field::secondary_controls).with_if(on, Secondary::descriptor_table_exiting));
    write(vmcs01, field::cr0_guest_host_mask, on ? ~u64{0} : held_cr0_bits(cpu));
    write(vmcs01, field::cr4_guest_host_mask, on ? ~u64{0} : x86::cr4::vmxe);
}

}  // namespace

void hold_fixed_bits(Cpu& cpu) {
    stop_watching(cpu);
    const auto vmcs01 = make_vmcs01_current(cpu);
    // What is held reads from the shadow, which has had no reason to follow the other bits.
    const u64 shadow = read(vmcs01, field::cr0_read_shadow) & x86::cr0::ne;
    write(vmcs01, field::cr0_read_shadow, (read(vmcs01, field::guest_cr0) & ~x86::cr0::ne) | shadow);
    write(vmcs01, field::cr0_guest_host_mask, held_cr0_bits(cpu));
}

[[gnu::noinline]] void load_all_host_state(Cpu& cpu, const VmcsSlot& slot, const LeftByL2& left) {
    const Vmcs12& v = slot.vmcs12;
    L1State& l1 = cpu.l1;
    const auto vmcs01 = make_vmcs01_current(cpu);
    load_l1_watched(v, left, vmcs01);
    if (!l1.watched) {
        if (l1.patience != 0) {
            --l1.patience;
            return;
        }
        if (!can_watch(*cpu.machine)) return;
        set_watching(cpu, vmcs01, true);
    }
    l1.host_of = &slot;
    l1.cr0 = exit_cr0(v, left.cr0);
    l1.efer = exit_efer(v, left.efer);
    l1.pat = exit_pat(v, left.pat);
}

[[gnu::noinline]] bool stop_watching(Cpu& cpu) {
    L1State& l1 = cpu.l1;
    l1.host_of = nullptr;
    if (!l1.watched) return false;
    l1.patience = patience_after_change;
    set_watching(cpu, make_vmcs01_current(cpu), false);
    return true;
}

bool watches_msr(u32 msr) {
    for (const u32 watched : watched_msrs)
        if (msr == watched) return true;
    return false;
}

void host_state_knob_changed(Cpu& cpu) {
    stop_watching(cpu);
    cpu.l1.patience = 0;
}

}  // namespace kurma::l0
