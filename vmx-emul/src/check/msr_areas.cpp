// Entries of the MSR areas (SDM 3C 27.4 and 28.6 for loading, 28.4 for storing), each alone, in the manual's
// order.
#include <vmx/msr_area.hpp>
#include <x86/msr.hpp>

namespace kurma::vmx {

namespace {

namespace msr = x86::msr;

/// Bits 31:8 are 000008H: the registers of a local APIC in x2APIC mode.
constexpr bool is_x2apic(u32 index) { return index >= msr::x2apic_first && index <= msr::x2apic_last; }
constexpr bool is_vmx_capability(u32 index) { return index >= msr::vmx_basic && index <= msr::vmx_vmfunc; }
constexpr bool is_write_only(u32 index) {
    return index == msr::bios_update_trigger || index == msr::pred_cmd || index == msr::flush_cmd;
}

/// WRMSR keeps LMA as it is, and LME while there is paging.
bool wrmsr_takes_efer(u64 data, const MsrLoadState& now) {
    const bool changes_lme = ((data ^ now.efer) & x86::efer::lme) != 0;
    return (data & ~x86::efer::defined) == 0 && !(now.paging && changes_lme);
}

bool wrmsr_takes(u32 index, u64 data, const MsrLoadState& now) {
    switch (index) {
        case msr::efer: return wrmsr_takes_efer(data, now);
        case msr::pat: return x86::valid_pat(data);
        case msr::debugctl: return (data & ~now.debugctl) == 0;
        case msr::sysenter_esp:
        case msr::sysenter_eip: return x86::canonical(data);
        default: return !is_vmx_capability(index);
    }
}

}  // namespace

CheckResult check_msr_load(const MsrAreaEntry& entry, const MsrLoadState& now) {
    if (entry.index == msr::fs_base || entry.index == msr::gs_base)
        return {CheckId::msr_load_segment_base, entry.index};
    if (is_x2apic(entry.index)) return {CheckId::msr_load_x2apic, entry.index};
    if (entry.index == msr::smm_monitor_ctl) return {CheckId::msr_load_smm, entry.index};
    if (entry.index == msr::bios_update_trigger) return {CheckId::msr_load_model_specific, entry.index};
    if (entry.reserved != 0) return {CheckId::msr_load_reserved, entry.reserved};
    if (!wrmsr_takes(entry.index, entry.data, now)) return {CheckId::msr_load_faults, entry.data};
    return {};
}

CheckResult check_msr_store(const MsrAreaEntry& entry) {
    if (is_x2apic(entry.index)) return {CheckId::msr_store_x2apic, entry.index};
    if (entry.index == msr::smbase) return {CheckId::msr_store_smm, entry.index};
    if (entry.reserved != 0) return {CheckId::msr_store_reserved, entry.reserved};
    if (is_write_only(entry.index)) return {CheckId::msr_store_faults, entry.index};
    return {};
}

}  // namespace kurma::vmx
