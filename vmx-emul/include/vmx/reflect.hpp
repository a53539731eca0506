// REFLECT: an exit of L2 becomes an exit that L1 sees.
//
// In:    vmcs02 after the exit, vmcs12; then vmcs01.
// Out:   vmcs12 holds what the exit saves there; vmcs01's guest state is vmcs12's host state.
// Never: copies guest state or exit information whose home is vmcs02.
// Laws:  Reflection: after it, vmcs01's guest state is vmcs12's host state, and L1 reads the exit that
// happened. SDM:   3C 28.2 (what an exit records), 28.3 (saves), 28.5 (loads).
#pragma once

#include <vmx/capability.hpp>
#include <vmx/nested.hpp>
#include <x86/control_registers.hpp>
#include <x86/rflags.hpp>

namespace kurma::vmx {

/// What the load of L1's state needs from L2's at the exit: bits that an exit leaves alone. All ones for what
/// is not needed.
struct LeftByL2 {
    u64 cr0 = 0, efer = ~u64{0}, pat = ~u64{0};
};

/// CR0 bits that an exit does not change (SDM 3C 28.5.1): ET, CD, NW, and the reserved ones.
inline constexpr u64 cr0_kept_by_exit = x86::cr0::et | x86::cr0::cd | x86::cr0::nw | 0xffffffff1ffaffc0;

/// Fields of the image that an exit saves and the next entry loads again: they can stay in vmcs02 meanwhile.
constexpr FieldSet saved_lazily(const Vmcs12& v) {
    const ExitControls exit = v.get(field::exit_controls);
    const EntryControls entry = v.get(field::entry_controls);
    FieldSet set{};
    if (exit.has(Exit::save_debug_controls) && entry.has(Entry::load_debug_controls)) {
        set.add(FieldId::guest_dr7);
        set.add(FieldId::guest_debugctl);
    }
    if (exit.has(Exit::save_pat) && entry.has(Entry::load_pat)) set.add(FieldId::guest_pat);
    if (exit.has(Exit::save_efer) && entry.has(Entry::load_efer)) set.add(FieldId::guest_efer);
    return set;
}

/// Whether an exit saves fields in the image that cannot stay in vmcs02.
constexpr bool saves_eagerly(const Vmcs12& v) {
    const ExitControls exit = v.get(field::exit_controls);
    const FieldSet lazily = saved_lazily(v);
    return exit.has(Exit::save_preemption_timer) ||
           (exit.has(Exit::save_debug_controls) && !lazily.has(FieldId::guest_dr7)) ||
           (exit.has(Exit::save_pat) && !lazily.has(FieldId::guest_pat)) ||
           (exit.has(Exit::save_efer) && !lazily.has(FieldId::guest_efer));
}

/// Moves what is in vmcs02 for now to the image.
template <VmcsAccessor A>
void save_at_last(Vmcs12& v, A& vmcs02) {
    v.in_vmcs02.for_each([&](FieldId id) { v.image[static_cast<usize>(id)] = vmcs02.read_raw(id); });
    v.in_vmcs02.clear();
}

/// After an exit of L2 that succeeded in entering: saves what vmcs12 asks to be saved and has its home there.
template <VmcsAccessor A>
void save_l2(Vmcs12& v, A& vmcs02) {
    const ExitControls exit = v.get(field::exit_controls);
    if (exit.has(Exit::save_debug_controls)) {
        v.set(field::guest_dr7, read(vmcs02, field::guest_dr7));
        v.set(field::guest_debugctl, read(vmcs02, field::guest_debugctl));
    }
    if (exit.has(Exit::save_pat)) v.set(field::guest_pat, read(vmcs02, field::guest_pat));
    if (exit.has(Exit::save_efer)) v.set(field::guest_efer, read(vmcs02, field::guest_efer));
    if (exit.has(Exit::save_preemption_timer))
        v.set(field::preemption_timer_value, read(vmcs02, field::preemption_timer_value));
}

/// What every exit changes in the image: the event is consumed, and, on processors with unrestricted guest, a
/// control keeps up with L2's mode (SDM 3C 28.2), which L2's EFER tells, too. True if that control has
/// changed: as vmcs02's own has, and for the checks of the next entry.
template <VmcsAccessor A>
bool note_exit(Vmcs12& v, const Capabilities& offered, const LeftByL2& left, A& vmcs02) {
    v.set(field::entry_interruption_info, v.get(field::entry_interruption_info).consumed());
    if (!offered.may(Secondary::unrestricted_guest)) return false;
    const bool long_mode = left.efer != ~u64{0}
                               ? (left.efer & x86::efer::lma) != 0
                               : read(vmcs02, field::entry_controls).has(Entry::ia32e_mode_guest);
    const EntryControls before = v.get(field::entry_controls);
    if (long_mode == before.has(Entry::ia32e_mode_guest)) [[likely]]
        return false;
    v.set(field::entry_controls, before.with_if(long_mode, Entry::ia32e_mode_guest));
    v.note_write(FieldId::entry_controls);
    return true;
}

template <VmcsAccessor A>
LeftByL2 left_by_l2(const Vmcs12& v, A& vmcs02) {
    const ExitControls exit = v.get(field::exit_controls);
    LeftByL2 left{.cr0 = read(vmcs02, field::guest_cr0)};
    if (!exit.has(Exit::load_efer)) left.efer = read(vmcs02, field::guest_efer);
    if (!exit.has(Exit::load_pat)) left.pat = read(vmcs02, field::guest_pat);
    return left;
}

namespace detail {

/// With a null selector the segment is unusable, and base and limit of SS, DS and ES, and the limits of FS
/// and GS, are undefined (SDM 3C 28.5.2): whatever is there stays.
template <VmcsAccessor A, class Sel, class Limit, class Rights>
void load_data_segment(A& vmcs01, u16 selector, Sel sel, Limit limit, Rights rights) {
    write(vmcs01, sel, selector);
    if (selector != 0) write(vmcs01, limit, 0xffffffff);
    write(vmcs01, rights, selector == 0 ? AccessRights::unusable_segment() : AccessRights::flat_data());
}

template <VmcsAccessor A>
void load_segments(const Vmcs12& v, A& vmcs01) {
    using namespace field;
    const bool wide = v.get(exit_controls).has(Exit::host_address_space_size);
    write(vmcs01, guest_cs_selector, v.get(host_cs_selector));
    write(vmcs01, guest_cs_base, 0);
    write(vmcs01, guest_cs_limit, 0xffffffff);
    write(vmcs01, guest_cs_access_rights, AccessRights::flat_code(wide, !wide));
    const u16 ss = v.get(host_ss_selector), ds = v.get(host_ds_selector), es = v.get(host_es_selector);
    load_data_segment(vmcs01, ss, guest_ss_selector, guest_ss_limit, guest_ss_access_rights);
    if (ss != 0) write(vmcs01, guest_ss_base, 0);
    load_data_segment(vmcs01, ds, guest_ds_selector, guest_ds_limit, guest_ds_access_rights);
    if (ds != 0) write(vmcs01, guest_ds_base, 0);
    load_data_segment(vmcs01, es, guest_es_selector, guest_es_limit, guest_es_access_rights);
    if (es != 0) write(vmcs01, guest_es_base, 0);
    load_data_segment(vmcs01, v.get(host_fs_selector), guest_fs_selector, guest_fs_limit,
                      guest_fs_access_rights);
    write(vmcs01, guest_fs_base, v.get(host_fs_base));
    load_data_segment(vmcs01, v.get(host_gs_selector), guest_gs_selector, guest_gs_limit,
                      guest_gs_access_rights);
    write(vmcs01, guest_gs_base, v.get(host_gs_base));
}

template <VmcsAccessor A>
void load_tables(const Vmcs12& v, A& vmcs01) {
    using namespace field;
    write(vmcs01, guest_tr_selector, v.get(host_tr_selector));
    write(vmcs01, guest_tr_base, v.get(host_tr_base));
    write(vmcs01, guest_tr_limit, 0x67);
    write(vmcs01, guest_tr_access_rights, AccessRights::busy_tss());
    write(vmcs01, guest_ldtr_selector, 0);
    write(vmcs01, guest_ldtr_access_rights, AccessRights::unusable_segment());
    write(vmcs01, guest_gdtr_base, v.get(host_gdtr_base));
    write(vmcs01, guest_gdtr_limit, 0xffff);
    write(vmcs01, guest_idtr_base, v.get(host_idtr_base));
    write(vmcs01, guest_idtr_limit, 0xffff);
}

}  // namespace detail

/// The CR0 that L1 has after the exit.
constexpr u64 exit_cr0(const Vmcs12& v, u64 l2_cr0) {
    return (v.get(field::host_cr0) & ~cr0_kept_by_exit) | (l2_cr0 & cr0_kept_by_exit);
}

/// The CR4 that L1 has after the exit (SDM 3C 28.5.1).
constexpr u64 exit_cr4(const Vmcs12& v) {
    const u64 cr4 = v.get(field::host_cr4);
    return v.get(field::exit_controls).has(Exit::host_address_space_size) ? cr4 | x86::cr4::pae
                                                                          : cr4 & ~x86::cr4::pcide;
}

/// Whether L1 finds NMIs blocked after the exit, until its IRET (SDM 3C 28.5.5).
enum class NmiBlocking : u8 { none, in_effect };

/// The EFER that L1 has after the exit (SDM 3C 28.5.1).
constexpr u64 exit_efer(const Vmcs12& v, u64 l2_efer) {
    const ExitControls exit = v.get(field::exit_controls);
    if (exit.has(Exit::load_efer)) return v.get(field::host_efer);
    constexpr u64 long_mode = x86::efer::lma | x86::efer::lme;
    return (l2_efer & ~long_mode) | (exit.has(Exit::host_address_space_size) ? long_mode : 0);
}

constexpr u64 exit_pat(const Vmcs12& v, u64 l2_pat) {
    return v.get(field::exit_controls).has(Exit::load_pat) ? v.get(field::host_pat) : l2_pat;
}

/// Of the load of L1's state: what L1 may change without L0's knowing.
template <VmcsAccessor A>
void load_l1_always(const Vmcs12& v, A& vmcs01) {
    using namespace field;
    write(vmcs01, guest_cr3, v.get(host_cr3));
    detail::load_segments(v, vmcs01);
    write(vmcs01, guest_rip, v.get(host_rip));
    write(vmcs01, guest_rsp, v.get(host_rsp));
    write(vmcs01, guest_rflags, x86::rflags::reserved_one);
    write(vmcs01, guest_pending_debug_exceptions, 0);
}

/// The rest of L1's registers: L0 can have L1 exit when it changes one.
template <VmcsAccessor A>
void load_l1_watched(const Vmcs12& v, const LeftByL2& left, A& vmcs01) {
    using namespace field;
    const u64 cr0 = exit_cr0(v, left.cr0);
    const u64 cr4 = exit_cr4(v);
    write(vmcs01, guest_cr0, cr0);
    write(vmcs01, cr0_read_shadow, cr0);
    write(vmcs01, guest_cr4, cr4);
    write(vmcs01, cr4_read_shadow, cr4);
    write(vmcs01, guest_sysenter_cs, v.get(host_sysenter_cs));
    write(vmcs01, guest_sysenter_esp, v.get(host_sysenter_esp));
    write(vmcs01, guest_sysenter_eip, v.get(host_sysenter_eip));
    write(vmcs01, guest_efer, exit_efer(v, left.efer));
    write(vmcs01, guest_pat, exit_pat(v, left.pat));
    detail::load_tables(v, vmcs01);
    write(vmcs01, guest_dr7, x86::dr7::after_reset);
    write(vmcs01, guest_debugctl, 0);
}

/// Loads vmcs12's host state into vmcs01's guest state, as an exit loads it.
template <VmcsAccessor A>
void load_l1(const Vmcs12& v, const LeftByL2& left, NmiBlocking blocking, A& vmcs01) {
    using namespace field;
    load_l1_always(v, vmcs01);
    load_l1_watched(v, left, vmcs01);
    write(vmcs01, guest_interruptibility, blocking == NmiBlocking::in_effect ? interruptibility::nmi : 0);
    write(vmcs01, guest_activity_state, static_cast<u32>(ActivityState::active));
}

}  // namespace kurma::vmx
