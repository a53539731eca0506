// The checks of controls and host state in groups, each with the fields that it looks at: after L1 has
// written a few, only their groups are to be run again.
#pragma once

#include <vmx/check.hpp>

namespace kurma::vmx {

namespace control_checks {

// SDM 3C 27.2.1.1, less the TPR threshold against the virtual TPR.
CheckResult check_words(const Vmcs12& v, const Capabilities& offered);
CheckResult check_cr3_targets(const Vmcs12& v, const Capabilities& offered);
CheckResult check_bitmaps(const Vmcs12& v, const Capabilities& offered);
CheckResult check_virtual_apic(const Vmcs12& v, const Capabilities& offered);
CheckResult check_threshold(const Vmcs12& v, const Capabilities& offered);
CheckResult check_nmis(const Vmcs12& v, const Capabilities& offered);
CheckResult check_apic(const Vmcs12& v, const Capabilities& offered);
CheckResult check_translation(const Vmcs12& v, const Capabilities& offered);
CheckResult check_vm_functions(const Vmcs12& v, const Capabilities& offered);
CheckResult check_more_pages(const Vmcs12& v, const Capabilities& offered);
CheckResult check_tsc_multiplier(const Vmcs12& v, const Capabilities& offered);
// 27.2.1.2 and 27.2.1.3, less the event and entry to SMM.
CheckResult check_exit_word(const Vmcs12& v, const Capabilities& offered);
CheckResult check_saved_timer(const Vmcs12& v, const Capabilities& offered);
CheckResult check_exit_areas(const Vmcs12& v, const Capabilities& offered);
CheckResult check_entry(const Vmcs12& v, const Capabilities& offered);

}  // namespace control_checks

namespace host_checks {

// 27.2.2, 27.2.3, 27.2.4.
CheckResult check_registers(const Vmcs12& v, const Capabilities& offered, L1Mode mode);
CheckResult check_segments(const Vmcs12& v, const Capabilities& offered, L1Mode mode);
CheckResult check_address_space_size(const Vmcs12& v, const Capabilities& offered, L1Mode mode);

}  // namespace host_checks

/// Who would find a broken rule of a group if L0 did not look: the processor, to which vmcs02 carries the
/// fields as they are, or nobody, because vmcs02 has something of L0's there.
enum class FoundBy : u8 { l0, processor_too };

struct ControlGroup {
    CheckResult (*check)(const Vmcs12&, const Capabilities&);
    FoundBy found_by;
    FieldSet inputs;
};
struct HostGroup {
    CheckResult (*check)(const Vmcs12&, const Capabilities&, L1Mode);
    FieldSet inputs;
};

template <class... Ids>
consteval FieldSet inputs(Ids... ids) {
    FieldSet set;
    (set.add(ids), ...);
    return set;
}

using enum FieldId;

/// In the manual's order.
inline constexpr ControlGroup control_groups[] = {
    {control_checks::check_words, FoundBy::l0, inputs(pin_controls, primary_controls, secondary_controls)},
    {control_checks::check_cr3_targets, FoundBy::processor_too, inputs(cr3_target_count)},
    {control_checks::check_bitmaps, FoundBy::l0,
     inputs(primary_controls, io_bitmap_a, io_bitmap_b, msr_bitmap)},
    {control_checks::check_virtual_apic, FoundBy::l0, inputs(primary_controls, virtual_apic_address)},
    {control_checks::check_threshold, FoundBy::processor_too,
     inputs(primary_controls, secondary_controls, tpr_threshold)},
    {control_checks::check_nmis, FoundBy::processor_too, inputs(pin_controls, primary_controls)},
    {control_checks::check_apic, FoundBy::l0,
     inputs(pin_controls, primary_controls, secondary_controls, apic_access_address)},
    {control_checks::check_translation, FoundBy::l0,
     inputs(primary_controls, secondary_controls, vpid, eptp, pml_address)},
    {control_checks::check_vm_functions, FoundBy::l0,
     inputs(primary_controls, secondary_controls, vm_function_controls, eptp_list_address)},
    {control_checks::check_more_pages, FoundBy::l0,
     inputs(primary_controls, secondary_controls, vmread_bitmap, vmwrite_bitmap, ve_information_address)},
    {control_checks::check_tsc_multiplier, FoundBy::processor_too,
     inputs(primary_controls, secondary_controls, tsc_multiplier)},
    {control_checks::check_exit_word, FoundBy::l0, inputs(exit_controls)},
    {control_checks::check_saved_timer, FoundBy::l0, inputs(pin_controls, exit_controls)},
    {control_checks::check_exit_areas, FoundBy::l0,
     inputs(exit_msr_store_address, exit_msr_store_count, exit_msr_load_address, exit_msr_load_count)},
    {control_checks::check_entry, FoundBy::l0,
     inputs(entry_controls, entry_msr_load_address, entry_msr_load_count)},
};
inline constexpr HostGroup host_groups[] = {
    {host_checks::check_registers, inputs(exit_controls, host_cr0, host_cr3, host_cr4, host_sysenter_esp,
                                          host_sysenter_eip, host_pat, host_efer)},
    {host_checks::check_segments,
     inputs(exit_controls, host_es_selector, host_cs_selector, host_ss_selector, host_ds_selector,
            host_fs_selector, host_gs_selector, host_tr_selector, host_fs_base, host_gs_base, host_gdtr_base,
            host_idtr_base, host_tr_base)},
    {host_checks::check_address_space_size, inputs(exit_controls, entry_controls, host_rip, host_cr4)},
};

/// A set of groups: bits from 0 on for control_groups, behind them for host_groups.
using Groups = u32;
inline constexpr usize control_group_count = std::size(control_groups);
inline constexpr usize group_count = control_group_count + std::size(host_groups);
inline constexpr Groups all_groups = (Groups{1} << group_count) - 1;

/// The groups that look at each field.
inline constexpr std::array<Groups, field_count> groups_of = [] {
    std::array<Groups, field_count> of{};
    for (usize i = 0; i < field_count; ++i)
        for (usize group = 0; group < group_count; ++group) {
            const FieldSet& looks_at = group < control_group_count
                                           ? control_groups[group].inputs
                                           : host_groups[group - control_group_count].inputs;
            if (looks_at.has(static_cast<FieldId>(i))) of[i] |= Groups{1} << group;
        }
    return of;
}();
static_assert(
    [] {
        for (usize i = 0; i < field_count; ++i)
            if (groups_of[i] != 0 && field_rows[i].home != Home::vmcs12) return false;
        return true;
    }(),
    "what L1 writes of these is noted in Vmcs12::dirty");

inline constexpr Groups mode_group = Groups{1} << (group_count - 1);
inline constexpr Groups groups_of_processor = [] {
    Groups groups = 0;
    for (usize i = 0; i < control_group_count; ++i)
        if (control_groups[i].found_by == FoundBy::processor_too) groups |= Groups{1} << i;
    return groups;
}();

}  // namespace kurma::vmx
