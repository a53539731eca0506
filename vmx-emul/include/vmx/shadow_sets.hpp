// The fields that L1 reaches in a shadow VMCS, without an exit, for each way of giving it one.
//
// In:    the knob vmcs_access, and whether VMWRITE reaches exit information on this processor.
// Out:   the fields that L1 reads there, and those of them that it also writes.
// Never: a field that L1 writes but does not read; in vmcs02 itself a field whose value could hurt L0.
// SDM:   3C 25.6.15 (bitmaps), 25.10 (VMCS types), appendix A.6 (VMWRITE to exit information).
#pragma once

#include <vmx/nested.hpp>
#include <vmx/policy.hpp>

namespace kurma::vmx {

struct ShadowSets {
    FieldSet readable{}, writable{};
};

/// `shadow-copy` pays for each field in each round, used or not. These are the fields that a hypervisor reads
/// at most exits; they are also the read-only ones that Linux's KVM shadows for an L1 of its own (6.1,
/// arch/x86/kvm/vmx/vmcs_shadow_fields.h).
inline constexpr FieldSet copied_exit_information = FieldSet::of(
    {FieldId::exit_reason, FieldId::exit_qualification, FieldId::exit_instruction_length,
     FieldId::exit_interruption_info, FieldId::exit_interruption_error_code, FieldId::idt_vectoring_info,
     FieldId::idt_vectoring_error_code, FieldId::guest_linear_address, FieldId::guest_physical_address});
/// And those that it writes: where L2 goes on, the event to inject, the windows it opens, and the bases that
/// a Linux L1 renews whenever it changes its thread. L0 takes controls and host state out of the copy as if
/// by VMWRITE, so that they are checked like any other. Without the selectors of FS and GS, which a 64-bit L1
/// has no need to change, and without what exists for APIC virtualization and page-modification logs only.
inline constexpr FieldSet copied_writable = FieldSet::of({FieldId::guest_rip,
                                                          FieldId::guest_rsp,
                                                          FieldId::guest_rflags,
                                                          FieldId::guest_interruptibility,
                                                          FieldId::guest_cr0,
                                                          FieldId::guest_cr3,
                                                          FieldId::guest_cr4,
                                                          FieldId::guest_cs_access_rights,
                                                          FieldId::guest_ss_access_rights,
                                                          FieldId::entry_interruption_info,
                                                          FieldId::entry_exception_error_code,
                                                          FieldId::entry_instruction_length,
                                                          FieldId::primary_controls,
                                                          FieldId::exception_bitmap,
                                                          FieldId::tpr_threshold,
                                                          FieldId::preemption_timer_value,
                                                          FieldId::cr0_guest_host_mask,
                                                          FieldId::cr0_read_shadow,
                                                          FieldId::cr4_read_shadow,
                                                          FieldId::host_fs_base,
                                                          FieldId::host_gs_base});

/// Whether a processor has every field that is copied.
constexpr bool has_copied_fields(const Capabilities& host) {
    bool all = true;
    (copied_writable | copied_exit_information).for_each([&](FieldId id) {
        all = all && host.exists(row_of(id).exists);
    });
    return all;
}

/// Where VMWRITE does not reach exit information, L0 could put its own answers neither into a copy nor into
/// vmcs02, and L1 would read what the processor left there: then those fields stay with L0.
constexpr ShadowSets shadow_sets(VmcsAccess access, bool writes_exit_information) {
    const auto sets = [&](const FieldSet& state, const FieldSet& information, const FieldSet& writable) {
        return ShadowSets{writes_exit_information ? state | information : state, writable};
    };
    switch (access) {
        case VmcsAccess::shadow_copy: return sets(copied_writable, copied_exit_information, copied_writable);
        case VmcsAccess::shadow_direct:
            return sets(directly_writable, directly_readable & all_exit_information, directly_writable);
        case VmcsAccess::best:
        case VmcsAccess::trap: break;
    }
    return {};
}

}  // namespace kurma::vmx
