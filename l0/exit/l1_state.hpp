// `host_state`: how an exit to L1 loads vmcs12's host state into vmcs01.
//
//   always    every field is written.
//   changed   CR0, CR4, EFER, PAT, DEBUGCTL, DR7, the SYSENTER MSRs, GDTR, IDTR, LDTR and TR are written
//   once; from then on
//             L1 exits when it is about to change one. Then L0 stops watching, L1 executes the instruction
//             anew, and for some exits to come all fields are written.
//
// In:    a slot whose L2 has left, with what L2 leaves to L1.
// Out:   vmcs01's guest state is vmcs12's host state.
// Never: answers for L1's instruction: it is executed by L1, a little later; takes for known what L1 may have
// changed. SDM:   3C 28.5 (what an exit loads), 25.6.2 (descriptor-table exiting, MOV-DR exiting), 26.1.3
// (CR0 and CR4 masks).
#pragma once

#include <vmx/reflect.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

/// Loads all, and begins to watch if the knob says so.
void load_all_host_state(Cpu& cpu, const VmcsSlot& slot, const vmx::LeftByL2& left);

/// L1's state is loaded after an exit of L2, vmcs01 being current.
[[gnu::always_inline]] inline void load_host_state(Cpu& cpu, const VmcsSlot& slot, const vmx::LeftByL2& left,
                                                   vmx::NmiBlocking blocking,
                                                   const CurrentVmcs<Which::vmcs01>& vmcs01) {
    using namespace vmx;
    const Vmcs12& v = slot.vmcs12;
    const L1State& l1 = cpu.l1;
    const bool known = l1.host_of == &slot && exit_cr0(v, left.cr0) == l1.cr0 &&
                       exit_efer(v, left.efer) == l1.efer && exit_pat(v, left.pat) == l1.pat;
    if (!known) [[unlikely]]
        load_all_host_state(cpu, slot, left);
    load_l1_always(v, vmcs01);
    const u32 wanted = blocking == NmiBlocking::in_effect ? interruptibility::nmi : 0;
    if (wanted != cpu.nested.interruptibility_at_entry) [[unlikely]]
        write(vmcs01, field::guest_interruptibility, wanted);
}

/// L1's registers as L2 may inherit them; vmcs01 must be current.
[[gnu::always_inline]] inline vmx::Inherited inherited_from_l1(const Cpu& cpu, const vmx::Vmcs12& v,
                                                               const CurrentVmcs<Which::vmcs01>& vmcs01) {
    using namespace vmx;
    if (cpu.l1.host_of != nullptr) [[likely]]
        return {.efer = cpu.l1.efer, .pat = cpu.l1.pat, .debugctl = 0, .dr7 = x86::dr7::after_reset};
    const EntryControls entry = v.get(field::entry_controls);
    Inherited l1{.efer = read(vmcs01, field::guest_efer), .pat = 0, .debugctl = 0, .dr7 = 0};
    if (!entry.has(Entry::load_pat)) l1.pat = read(vmcs01, field::guest_pat);
    if (!entry.has(Entry::load_debug_controls)) {
        l1.dr7 = read(vmcs01, field::guest_dr7);
        l1.debugctl = read(vmcs01, field::guest_debugctl);
    }
    return l1;
}

/// L1 is about to change what is watched, or L0 is, in its stead: L0 stops watching. False if it was not.
/// vmcs01 must be current.
bool stop_watching(Cpu& cpu);
/// L1 has entered or left VMX operation, in which paging and protection cannot be turned off (SDM 3C 24.8):
/// an attempt is to exit. vmcs01 must be current.
void hold_fixed_bits(Cpu& cpu);
/// Whether WRMSR of L1 is one that is watched.
bool watches_msr(u32 msr);
/// The host state of a slot has changed.
inline void host_state_changed(Cpu& cpu, const VmcsSlot& slot) {
    if (cpu.l1.host_of == &slot) cpu.l1.host_of = nullptr;
}
/// The knob has a new value. L1 must be the level that runs.
void host_state_knob_changed(Cpu& cpu);

}  // namespace kurma::l0
