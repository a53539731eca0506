// CHECK, for the entries of MSR areas: may this one be loaded, or stored?
//
// In:    one entry, copied out of L1's memory; the registers that WRMSR looks at.
// Out:   nothing wrong, or the name of the rule that the entry breaks with the offending value.
// Never: touches an MSR. For one that has no VMCS field, WRMSR and RDMSR have the last word, and what they
//        refuse is called `msr_load_faults` or `msr_store_faults` as well.
// SDM:   3C 27.4 (loading on VM entries), 28.4 (storing on exits), 28.6 (loading on exits).
#pragma once

#include <vmx/check_id.hpp>
#include <x86/control_registers.hpp>

namespace kurma::vmx {

/// An entry as it stands in memory (25.7.2, table 25-15).
struct MsrAreaEntry {
    u32 index = 0;
    u32 reserved = 0;
    u64 data = 0;
};
static_assert(sizeof(MsrAreaEntry) == 16);

struct MsrLoadState {
    u64 efer = 0;
    bool paging = false;
    /// Bits of IA32_DEBUGCTL that the processor has.
    u64 debugctl = x86::debugctl::defined;
};

CheckResult check_msr_load(const MsrAreaEntry& entry, const MsrLoadState& now);
CheckResult check_msr_store(const MsrAreaEntry& entry);

}  // namespace kurma::vmx
