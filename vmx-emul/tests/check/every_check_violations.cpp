// The table of violations. A row is a rule and what breaks it; the order is that of checks.def.
#include "every_check.hpp"

namespace kurma::vmx::testing {

namespace {

using namespace field;
using Id = CheckId;

constexpr u64 odd = 1, high = u64{1} << 45, hole = 0x1234'5678'9abc'def0;
constexpr u64 cet = 1u << 23, wp = 1u << 16, pcide = 1u << 17;

Change secondary(Secondary bit) { return on(secondary_controls, bit); }
Change no_tpr_shadow() { return off(primary_controls, Primary::use_tpr_shadow); }
/// EPT off, and with it what a 64-bit guest does not need.
Change no_ept() {
    return all({off(secondary_controls, Secondary::enable_ept),
                off(secondary_controls, Secondary::unrestricted_guest)});
}
Change not_unrestricted() { return off(secondary_controls, Secondary::unrestricted_guest); }
Change raw_event(u32 raw) { return with(entry_interruption_info, InterruptionInfo{raw | 1u << 31}); }
Change start(Vmcs12 (*builder)(const Capabilities&), const Change& change) {
    return [=](Vmcs12& v) {
        v = builder(offered);
        change(v);
    };
}
Change start_32_bit_host(const Change& change) {
    return [=](Vmcs12& v) {
        const Vmcs12 narrow = valid_32_bit_vmcs12(offered);
        v.set(exit_controls, narrow.get(exit_controls));
        v.set(host_efer, narrow.get(host_efer));
        v.set(host_rip, narrow.get(host_rip));
        change(v);
    };
}
Violation with_cet(Id id, const Change& change) {
    return Violation::in(id, [=](EntryWorld& w) {
        w.offered.cr4_fixed1 |= cet;
        change(w.v);
    });
}
Violation linked_to(Id id, u64 pointer, u32 word) {
    return Violation::in(id, [=](EntryWorld& w) {
        w.v.set(vmcs_link_pointer, pointer);
        w.around.word_at_link_pointer = word;
    });
}
Violation loads(Id id, const MsrAreaEntry& entry) {
    return Violation::in(id, [=](EntryWorld& w) { w.load = entry; });
}
Violation stores(Id id, const MsrAreaEntry& entry) {
    return Violation::in(id, [=](EntryWorld& w) { w.store = entry; });
}

std::vector<Violation> violations_of_execution_controls() {
    return {
        {Id::pin_reserved, with(pin_controls, {0})},
        {Id::primary_reserved, with(primary_controls, {0})},
        {Id::secondary_reserved, secondary(Secondary::encls_exiting)},
        {Id::cr3_target_count, with(cr3_target_count, 5)},
        {Id::io_bitmap_a_address, with(io_bitmap_a, odd)},
        {Id::io_bitmap_b_address, with(io_bitmap_b, odd)},
        {Id::msr_bitmap_address, with(msr_bitmap, odd)},
        {Id::virtual_apic_address, with(virtual_apic_address, odd)},
        {Id::tpr_threshold_reserved, with(tpr_threshold, 0x10)},
        {Id::tpr_threshold_above_vtpr, with(tpr_threshold, 1)},
        {Id::nmi_exiting_for_virtual_nmis, off(pin_controls, Pin::nmi_exiting)},
        {Id::virtual_nmis_for_nmi_window,
         all({off(pin_controls, Pin::virtual_nmis), on(primary_controls, Primary::nmi_window_exiting)})},
        {Id::apic_access_address,
         all({secondary(Secondary::virtualize_apic_accesses), with(apic_access_address, odd)})},
        {Id::tpr_shadow_for_x2apic, all({secondary(Secondary::virtualize_x2apic_mode), no_tpr_shadow()})},
        {Id::tpr_shadow_for_apic_registers,
         all({secondary(Secondary::apic_register_virtualization), no_tpr_shadow()})},
        {Id::tpr_shadow_for_virtual_interrupts,
         all({secondary(Secondary::virtual_interrupt_delivery), no_tpr_shadow()})},
        {Id::x2apic_excludes_apic_access,
         all({secondary(Secondary::virtualize_x2apic_mode), secondary(Secondary::virtualize_apic_accesses)})},
        {Id::interrupt_exiting_for_virtual_interrupts,
         all({secondary(Secondary::virtual_interrupt_delivery),
              off(pin_controls, Pin::external_interrupt_exiting)})},
        {Id::vpid_zero, with(vpid, 0)},
        {Id::eptp, with(eptp, Eptp{0})},
        {Id::ept_for_pml, all({secondary(Secondary::enable_pml), no_ept()})},
        {Id::pml_address, all({secondary(Secondary::enable_pml), with(pml_address, odd)})},
        {Id::ept_for_unrestricted_guest, off(secondary_controls, Secondary::enable_ept)},
        {Id::vm_function_reserved,
         all({secondary(Secondary::enable_vm_functions), with(vm_function_controls, 2)})},
        {Id::ept_for_eptp_switching,
         all({secondary(Secondary::enable_vm_functions), with(vm_function_controls, 1), no_ept()})},
        {Id::eptp_list_address, all({secondary(Secondary::enable_vm_functions), with(vm_function_controls, 1),
                                     with(eptp_list_address, odd)})},
        {Id::vmread_bitmap_address, all({secondary(Secondary::vmcs_shadowing), with(vmread_bitmap, odd)})},
        {Id::vmwrite_bitmap_address, all({secondary(Secondary::vmcs_shadowing), with(vmwrite_bitmap, odd)})},
        {Id::ve_information_address,
         all({secondary(Secondary::ept_violation_ve), with(ve_information_address, odd)})},
        {Id::tsc_multiplier_zero, all({secondary(Secondary::use_tsc_scaling), with(tsc_multiplier, 0)})},
    };
}

std::vector<Violation> violations_of_exit_and_entry_controls() {
    return {
        {Id::exit_reserved, with(exit_controls, {0})},
        {Id::timer_for_save_timer, on(exit_controls, Exit::save_preemption_timer)},
        {Id::exit_msr_store_area, all({with(exit_msr_store_count, 1), with(exit_msr_store_address, odd)})},
        {Id::exit_msr_load_area, all({with(exit_msr_load_count, 1), with(exit_msr_load_address, odd)})},
        {Id::entry_reserved, with(entry_controls, {0})},
        {Id::event_type, raw_event(1u << 8)},
        {Id::event_vector, raw_event(2u << 8 | 3)},
        {Id::event_error_code_missing, raw_event(3u << 8 | 13)},
        {Id::event_error_code_unexpected, raw_event(1u << 11 | 32)},
        {Id::event_reserved, raw_event(1u << 12 | 32)},
        {Id::event_error_code_reserved,
         all({raw_event(3u << 8 | 1u << 11 | 13), with(entry_exception_error_code, 0x1'0000)})},
        {Id::event_instruction_length, all({raw_event(4u << 8), with(entry_instruction_length, 16)})},
        {Id::entry_msr_load_area, all({with(entry_msr_load_count, 1), with(entry_msr_load_address, odd)})},
        Violation::in(Id::entry_to_smm,
                      [](EntryWorld& w) {
                          for (AllowedSettings* settings : {&w.offered.entry, &w.offered.true_entry})
                              settings->raw |= u64{bits(Entry::entry_to_smm)} << 32;
                          w.v.set(entry_controls, w.v.get(entry_controls).with(Entry::entry_to_smm));
                      }),
    };
}

std::vector<Violation> violations_of_host_state() {
    return {
        {Id::host_cr0_fixed, with(host_cr0, 0)},
        {Id::host_cr4_fixed, with(host_cr4, 0)},
        with_cet(Id::host_cet_without_wp,
                 all({with(host_cr0, sample::host_cr0 & ~wp), with(host_cr4, sample::host_cr4 | cet)})),
        {Id::host_cr3_width, with(host_cr3, high)},
        {Id::host_sysenter_canonical, with(host_sysenter_esp, hole)},
        {Id::host_pat, with(host_pat, 2)},
        {Id::host_efer_reserved, with(host_efer, sample::efer | 2)},
        {Id::host_efer_lma, with(host_efer, 0)},
        {Id::host_selector_flags, with(host_es_selector, 1)},
        {Id::host_cs_null, with(host_cs_selector, 0)},
        {Id::host_tr_null, with(host_tr_selector, 0)},
        {Id::host_ss_null, start_32_bit_host(with(host_ss_selector, 0))},
        {Id::host_base_canonical, with(host_tr_base, hole)},
        {Id::host_size_matches_mode, start_32_bit_host([](Vmcs12&) {})},
        Violation::in(Id::ia32e_guest_for_32_bit_host,
                      [](EntryWorld& w) {
                          start_32_bit_host([](Vmcs12&) {})(w.v);
                          w.mode = L1Mode::legacy;
                      }),
        Violation::in(Id::host_32_bit_pcide,
                      [](EntryWorld& w) {
                          w.v = valid_32_bit_vmcs12(offered);
                          w.v.set(host_cr4, sample::host_cr4 | pcide);
                          w.mode = L1Mode::legacy;
                      }),
        Violation::in(Id::host_32_bit_rip,
                      [](EntryWorld& w) {
                          w.v = valid_32_bit_vmcs12(offered);
                          w.v.set(host_rip, high);
                          w.mode = L1Mode::legacy;
                      }),
        {Id::host_64_bit_pae, with(host_cr4, 0x2000)},
        {Id::host_64_bit_rip, with(host_rip, hole)},
    };
}

std::vector<Violation> violations_of_guest_registers() {
    return {
        {Id::guest_cr0_fixed, with(guest_cr0, 0x8000'0011)},
        {Id::guest_cr0_pg_without_pe, with(guest_cr0, 0x8000'0030)},
        {Id::guest_cr4_fixed, with(guest_cr4, 0x20)},
        with_cet(Id::guest_cet_without_wp,
                 all({with(guest_cr0, sample::guest_cr0 & ~wp), with(guest_cr4, sample::guest_cr4 | cet)})),
        {Id::guest_debugctl_reserved, with(guest_debugctl, 1u << 3)},
        {Id::guest_ia32e_pg, with(guest_cr0, 0x31)},
        {Id::guest_ia32e_pae, with(guest_cr4, 0x2000)},
        {Id::guest_pcide_outside_ia32e,
         start(valid_32_bit_guest, with(guest_cr4, sample::guest_cr4 | pcide))},
        {Id::guest_cr3_width, with(guest_cr3, high)},
        {Id::guest_dr7_high, with(guest_dr7, high)},
        {Id::guest_sysenter_canonical, with(guest_sysenter_eip, hole)},
        {Id::guest_pat, with(guest_pat, 2)},
        {Id::guest_efer_reserved, with(guest_efer, sample::efer | 2)},
        {Id::guest_efer_lma, with(guest_efer, 0x101)},
        {Id::guest_efer_lme, with(guest_efer, 0x401)},
    };
}

std::vector<Violation> violations_of_guest_segments() {
    constexpr u32 dpl3 = 3u << 5, present = 1u << 7, system = 1u << 4, unusable = 1u << 16;
    return {
        {Id::guest_system_selector_local, with(guest_tr_selector, 0x44)},
        {Id::guest_ss_rpl, all({not_unrestricted(), with(guest_ss_selector, 0x1b)})},
        {Id::guest_v8086_base, start(valid_virtual_8086_guest, with(guest_gs_base, 0))},
        {Id::guest_segment_base_canonical, with(guest_fs_base, hole)},
        {Id::guest_segment_base_high, with(guest_es_base, high)},
        {Id::guest_v8086_limit, start(valid_virtual_8086_guest, with(guest_ds_limit, 0))},
        {Id::guest_v8086_access_rights,
         start(valid_virtual_8086_guest, with(guest_ss_access_rights, {0x93}))},
        {Id::guest_cs_type, with(guest_cs_access_rights, {sample::code_64 & ~1u})},
        {Id::guest_ss_type, with(guest_ss_access_rights, {sample::data & ~2u})},
        {Id::guest_data_accessed, with(guest_ds_access_rights, {sample::data & ~1u})},
        {Id::guest_data_readable, with(guest_es_access_rights, {0xc099})},
        {Id::guest_segment_not_system, with(guest_gs_access_rights, {sample::data & ~system})},
        {Id::guest_cs_data_dpl, with(guest_cs_access_rights, {sample::data | dpl3})},
        {Id::guest_cs_dpl, with(guest_cs_access_rights, {sample::code_64 | dpl3})},
        {Id::guest_cs_conforming_dpl, with(guest_cs_access_rights, {0xa09f | dpl3})},
        {Id::guest_ss_dpl, all({not_unrestricted(), with(guest_cs_access_rights, {sample::code_64 | dpl3}),
                                with(guest_ss_access_rights, {sample::data | dpl3})})},
        {Id::guest_ss_dpl_zero,
         start(valid_real_mode_guest, with(guest_ss_access_rights, {sample::data_16 | dpl3}))},
        {Id::guest_data_dpl, all({not_unrestricted(), with(guest_ds_selector, 0x1b)})},
        {Id::guest_segment_present, with(guest_es_access_rights, {sample::data & ~present})},
        {Id::guest_segment_reserved_low, with(guest_ds_access_rights, {sample::data | 1u << 8})},
        {Id::guest_cs_long_and_default, with(guest_cs_access_rights, {sample::code_64 | 1u << 14})},
        {Id::guest_segment_granularity_fine, with(guest_fs_limit, 0xffff'f000)},
        {Id::guest_segment_granularity_coarse, with(guest_gs_access_rights, {sample::data_16})},
        {Id::guest_segment_reserved_high, with(guest_ds_access_rights, {sample::data | 1u << 17})},
        {Id::guest_tr_type, with(guest_tr_access_rights, {0x89})},
        {Id::guest_tr_unusable, with(guest_tr_access_rights, {sample::tss | unusable})},
        {Id::guest_ldtr_type, with(guest_ldtr_access_rights, {0x81})},
        {Id::guest_system_segment, with(guest_ldtr_access_rights, {0x82 | system})},
    };
}

std::vector<Violation> violations_of_other_guest_state() {
    constexpr u32 sti = 1, mov_ss = 2, smi = 4, nmi = 8;
    return {
        {Id::guest_table_base_canonical, with(guest_idtr_base, hole)},
        {Id::guest_table_limit_high, with(guest_gdtr_limit, 0x1'0000)},
        {Id::guest_rip_high, start(valid_32_bit_guest, with(guest_rip, high))},
        {Id::guest_rip_width, with(guest_rip, u64{1} << 48)},
        {Id::guest_rflags_reserved, with(guest_rflags, 0x200)},
        {Id::guest_rflags_vm, start(valid_virtual_8086_guest, all({with(guest_cr0, 0x30)}))},
        {Id::guest_rflags_if, all({with(guest_rflags, 0x2), inject(EventType::external_interrupt, 32)})},
        {Id::guest_activity_unsupported, with(guest_activity_state, 4)},
        {Id::guest_hlt_dpl,
         all({with(guest_activity_state, 1), with(guest_ss_access_rights, {sample::data | 3u << 5}),
              with(guest_cs_access_rights, {sample::code_64 | 3u << 5})})},
        {Id::guest_activity_blocking,
         all({with(guest_activity_state, 1), with(guest_interruptibility, mov_ss)})},
        {Id::guest_activity_event, all({with(guest_activity_state, 3), inject(EventType::nmi, 2)})},
        {Id::guest_interruptibility_reserved, with(guest_interruptibility, 1u << 5)},
        {Id::guest_sti_and_mov_ss, with(guest_interruptibility, sti | mov_ss)},
        {Id::guest_sti_without_if, all({with(guest_rflags, 0x2), with(guest_interruptibility, sti)})},
        {Id::guest_interrupt_blocked,
         all({with(guest_interruptibility, mov_ss), inject(EventType::external_interrupt, 32)})},
        {Id::guest_nmi_blocked_by_mov_ss,
         all({with(guest_interruptibility, mov_ss), inject(EventType::nmi, 2)})},
        {Id::guest_smi_blocked, with(guest_interruptibility, smi)},
        {Id::guest_nmi_blocked_by_sti, all({with(guest_interruptibility, sti), inject(EventType::nmi, 2)})},
        {Id::guest_virtual_nmi_blocked, all({with(guest_interruptibility, nmi), inject(EventType::nmi, 2)})},
        {Id::guest_enclave_interruption, with(guest_interruptibility, 16)},
        {Id::guest_pending_debug_reserved, with(guest_pending_debug_exceptions, 16)},
        {Id::guest_pending_debug_bs_missing,
         all({with(guest_interruptibility, sti), with(guest_rflags, 0x302)})},
        {Id::guest_pending_debug_bs_unexpected,
         all({with(guest_interruptibility, sti), with(guest_pending_debug_exceptions, 1u << 14)})},
        {Id::guest_pending_debug_rtm, with(guest_pending_debug_exceptions, 1u << 16)},
        linked_to(Id::link_pointer_address, odd, 0x2b),
        linked_to(Id::link_pointer_revision, 0x5000, 0x2c),
        linked_to(Id::link_pointer_shadow_indicator, 0x5000, 0x8000'002b),
        linked_to(Id::link_pointer_current, 0x2000, 0x2b),
        {Id::guest_pdpte_field, start(valid_32_bit_guest, with(guest_pdpte3, 3))},
        Violation::in(Id::guest_pdpte_in_memory,
                      [](EntryWorld& w) {
                          start(valid_32_bit_guest, no_ept())(w.v);
                          w.around.pdptes_at_cr3[2] = 3;
                      }),
    };
}

/// Rules that an earlier rule hides in an entry from outside of SMM: only the door to guest state shows them.
std::vector<Violation> violations_in_smm() {
    return {
        {Id::guest_wait_for_sipi_in_smm,
         all({with(guest_activity_state, 3), on(entry_controls, Entry::entry_to_smm)})},
        {Id::guest_smi_not_blocked, on(entry_controls, Entry::entry_to_smm)},
    };
}

std::vector<Violation> violations_of_msr_areas() {
    return {
        loads(Id::msr_load_segment_base, {.index = 0xc000'0100}),
        loads(Id::msr_load_x2apic, {.index = 0x802}),
        loads(Id::msr_load_smm, {.index = 0x9b}),
        loads(Id::msr_load_model_specific, {.index = 0x79}),
        loads(Id::msr_load_reserved, {.reserved = 1}),
        loads(Id::msr_load_faults, {.index = 0x277, .data = 2}),
        stores(Id::msr_store_x2apic, {.index = 0x802}),
        stores(Id::msr_store_smm, {.index = 0x9e}),
        stores(Id::msr_store_reserved, {.reserved = 1}),
        stores(Id::msr_store_faults, {.index = 0x49}),
    };
}

}  // namespace

std::vector<Violation> every_violation() {
    std::vector<Violation> list;
    for (const auto& part :
         {violations_of_execution_controls(), violations_of_exit_and_entry_controls(),
          violations_of_host_state(), violations_of_guest_registers(), violations_of_guest_segments(),
          violations_of_other_guest_state(), violations_in_smm(), violations_of_msr_areas()})
        list.insert(list.end(), part.begin(), part.end());
    return list;
}

}  // namespace kurma::vmx::testing
