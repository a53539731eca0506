// MERGE: vmcs02 from vmcs12 and what L0 itself needs.
//
// In:    a checked vmcs12; L0's own addresses and tags for this vmcs02; what of L1's state an entry leaves to
// L2. Out:   control fields of vmcs02. Only what L1 wrote since last time is written again. Never: touches
// vmcs02's host state; puts an address of L1 into vmcs02. Laws:  Strictness: what 12 or 01 intercepts, 02
// intercepts. Isolation: host state and 01's bitmap bits do not depend
//        on vmcs12. Closure (see check.hpp).
// SDM:   3C 25.6 to 25.8, 27.3.2.1 (what an entry loads and what it leaves).
#pragma once

#include <vmx/check.hpp>
#include <x86/control_registers.hpp>

namespace kurma::vmx {

/// The five control words of vmcs02.
struct Controls02 {
    PinControls pin;
    PrimaryControls primary;
    SecondaryControls secondary;
    ExitControls exit;
    EntryControls entry;
    constexpr bool operator==(const Controls02&) const = default;
};

/// Exit and entry controls that L0 sets in every vmcs02 for itself. They are offered to no L1.
struct Added02 {
    ExitControls exit{};
    EntryControls entry{};
};

/// Host-physical addresses and tags that vmcs02 gets instead of vmcs12's own.
struct Placement02 {
    ept::Hpa msr_bitmap, io_bitmap_a, io_bitmap_b, virtual_apic, apic_access, vmread_bitmap, vmwrite_bitmap;
    Eptp eptp;
    u16 vpid = 0;
};

/// L1's registers that L2 inherits unless vmcs12's entry controls load others.
struct Inherited {
    u64 efer = 0, pat = 0, debugctl = 0, dr7 = 0;
};

/// What vmcs02 is known to hold; all ones, which no processor has in either: it is not known. It is compared
/// with L1's own registers only: of vmcs12's fields L1 may ask for all ones, and it is the processor that
/// refuses them.
struct Known02 {
    static constexpr u64 unknown = ~u64{0};
    u64 efer = unknown, pat = unknown;
};

constexpr Controls02 merge_controls(const Vmcs12& v, const Capabilities& host) {
    const PrimaryControls primary12 = v.get(field::primary_controls);
    const SecondaryControls secondary12 = v.secondary();
    const bool io_bitmaps =
        primary12.has(Primary::use_io_bitmaps) || !primary12.has(Primary::unconditional_io_exiting);
    Controls02 out{};
    out.pin = v.get(field::pin_controls);
    out.primary =
        primary12.with(Primary::activate_secondary_controls).with_if(io_bitmaps, Primary::use_io_bitmaps);
    // L0 itself logs, raises #VE and switches EPT pointers for L2, because it is L0 that knows ept12. With VM
    // functions on and none allowed, each VMFUNC exits (SDM 3C 26.5.6.2).
    out.secondary = secondary12.with(Secondary::enable_ept)
                        .without(Secondary::enable_pml)
                        .without(Secondary::ept_violation_ve)
                        .with_if(host.may(Secondary::enable_vpid), Secondary::enable_vpid);
    ExitControls exit = v.get(field::exit_controls)
                            .with(Exit::host_address_space_size)
                            .with(Exit::save_debug_controls)
                            .with(Exit::save_pat)
                            .with(Exit::load_pat)
                            .with(Exit::save_efer)
                            .with(Exit::load_efer);
    out.exit = exit.with_if(out.pin.has(Pin::preemption_timer) && host.may(Exit::save_preemption_timer),
                            Exit::save_preemption_timer);
    out.entry = v.get(field::entry_controls)
                    .with(Entry::load_debug_controls)
                    .with(Entry::load_pat)
                    .with(Entry::load_efer);
    return out;
}

/// The EFER that L2 starts with (SDM 3C 27.3.2.1).
constexpr u64 entry_efer(const Vmcs12& v, u64 l1_efer, bool l2_paging) {
    const EntryControls entry = v.get(field::entry_controls);
    if (entry.has(Entry::load_efer)) return v.get(field::guest_efer);
    constexpr u64 long_mode = x86::efer::lma | x86::efer::lme;
    if (entry.has(Entry::ia32e_mode_guest)) return l1_efer | long_mode;
    return l1_efer & ~(l2_paging ? long_mode : x86::efer::lma);
}

/// Control fields that vmcs02 takes over as they are.
inline constexpr FieldSet same_controls = FieldSet::where(
    [](const FieldRow& row) { return row.encoding.type() == FieldType::control && row.in02 == In02::same; });
/// Control fields whose change asks for the control words and addresses to be computed anew. The event to
/// inject is not among them: it is written at every entry that has one.
inline constexpr FieldSet computed_controls = FieldSet::where([](const FieldRow& row) {
    return row.encoding.type() == FieldType::control && row.in02 == In02::computed &&
           !event_fields.has(static_cast<FieldId>(&row - field_rows.data()));
});

/// Writes the fields that L1 changed and vmcs02 takes over as they are.
template <VmcsAccessor A>
void merge_same(const CheckedVmcs12& checked, A& vmcs02) {
    (checked->dirty & same_controls).for_each([&](FieldId id) {
        vmcs02.write_raw(id, checked->image[static_cast<usize>(id)]);
    });
}

/// Writes control words (those that differ from what vmcs02 has) and addresses. `present` is without what is
/// added.
template <VmcsAccessor A>
void merge_computed(const CheckedVmcs12& checked, const Capabilities& host, const Placement02& place,
                    A& vmcs02, Controls02& present, const Added02& added = {}) {
    const Controls02 wanted = merge_controls(checked.get(), host);
    if (wanted.pin != present.pin) write(vmcs02, field::pin_controls, wanted.pin);
    if (wanted.primary != present.primary) write(vmcs02, field::primary_controls, wanted.primary);
    if (wanted.secondary != present.secondary) write(vmcs02, field::secondary_controls, wanted.secondary);
    if (wanted.exit != present.exit)
        write(vmcs02, field::exit_controls, ExitControls{wanted.exit.raw | added.exit.raw});
    if (wanted.entry != present.entry)
        write(vmcs02, field::entry_controls, EntryControls{wanted.entry.raw | added.entry.raw});
    present = wanted;
    if (wanted.primary.has(Primary::use_msr_bitmaps))
        write(vmcs02, field::msr_bitmap, place.msr_bitmap.value());
    if (wanted.primary.has(Primary::use_io_bitmaps)) {
        write(vmcs02, field::io_bitmap_a, place.io_bitmap_a.value());
        write(vmcs02, field::io_bitmap_b, place.io_bitmap_b.value());
    }
    if (wanted.primary.has(Primary::use_tpr_shadow))
        write(vmcs02, field::virtual_apic_address, place.virtual_apic.value());
    if (wanted.secondary.has(Secondary::virtualize_apic_accesses))
        write(vmcs02, field::apic_access_address, place.apic_access.value());
    if (wanted.secondary.has(Secondary::vmcs_shadowing)) {
        write(vmcs02, field::vmread_bitmap, place.vmread_bitmap.value());
        write(vmcs02, field::vmwrite_bitmap, place.vmwrite_bitmap.value());
    }
    if (wanted.secondary.has(Secondary::enable_vpid)) write(vmcs02, field::vpid, place.vpid);
    write(vmcs02, field::eptp, place.eptp);
}

/// Writes what every entry may change: registers that L1's controls load or leave, the timer, the event to
/// inject. What vmcs02 holds already, because the last exit saved it there or because it is `known`, is not
/// written.
template <VmcsAccessor A>
void merge_entry(const CheckedVmcs12& checked, const Inherited& l1, Known02 known, A& vmcs02) {
    const Vmcs12& v = checked.get();
    const EntryControls entry = v.get(field::entry_controls);
    if (!v.in_vmcs02.has(FieldId::guest_efer)) {
        const bool needs_paging = !entry.has(Entry::load_efer) && !entry.has(Entry::ia32e_mode_guest);
        const bool l2_paging = needs_paging && (read(vmcs02, field::guest_cr0) & x86::cr0::pg) != 0;
        const u64 efer = entry_efer(v, l1.efer, l2_paging);
        if (entry.has(Entry::load_efer) || efer != known.efer) write(vmcs02, field::guest_efer, efer);
    }
    if (!v.in_vmcs02.has(FieldId::guest_pat)) {
        if (entry.has(Entry::load_pat))
            write(vmcs02, field::guest_pat, v.get(field::guest_pat));
        else if (l1.pat != known.pat)
            write(vmcs02, field::guest_pat, l1.pat);
    }
    if (!v.in_vmcs02.has(FieldId::guest_dr7)) {
        const bool debug = entry.has(Entry::load_debug_controls);
        write(vmcs02, field::guest_dr7, debug ? v.get(field::guest_dr7) : l1.dr7);
        write(vmcs02, field::guest_debugctl, debug ? v.get(field::guest_debugctl) : l1.debugctl);
    }
    if (v.get(field::pin_controls).has(Pin::preemption_timer))
        write(vmcs02, field::preemption_timer_value, v.get(field::preemption_timer_value));
    const InterruptionInfo event = v.get(field::entry_interruption_info);
    if (event.valid()) {
        write(vmcs02, field::entry_interruption_info, event);
        write(vmcs02, field::entry_exception_error_code, v.get(field::entry_exception_error_code));
        write(vmcs02, field::entry_instruction_length, v.get(field::entry_instruction_length));
    }
}

/// The bits of a bitmap page of L0's, MSR or I/O: few, so only the words that have one are kept. vmcs02's
/// page is L1's page, copied, with these added: a set bit in either intercepts (SDM 3C 25.6.4, 25.6.9).
class Intercepts01 {
  public:
    static constexpr usize capacity = 24;

    /// False if more words have bits than there is room for.
    [[nodiscard]] constexpr bool take(const u64* page, usize words) {
        count_ = 0;
        for (usize i = 0; i < words; ++i) {
            if (page[i] == 0) continue;
            if (count_ == capacity) return false;
            words_[count_++] = {i, page[i]};
        }
        return true;
    }
    constexpr void add_to(u64* page) const {
        for (usize i = 0; i < count_; ++i) page[words_[i].index] |= words_[i].bits;
    }

  private:
    struct Word {
        usize index;
        u64 bits;
    };
    std::array<Word, capacity> words_{};
    usize count_ = 0;
};

}  // namespace kurma::vmx
