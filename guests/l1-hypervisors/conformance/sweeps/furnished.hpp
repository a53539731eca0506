// An L2 whose VMCS has a valid value in every field, whether its control is on or not: a case may then turn
// on any control and see that control's own effect.
#pragma once

#include "sweeps/guest.hpp"

namespace conformance {

// The pages that VMCS fields point at.
struct Furniture {
    Page virtual_apic, apic_access, page_log, eptp_list, vmread_bitmap, vmwrite_bitmap,
        virtualization_exception, posted_interrupt, msr_areas;
};
Furniture& furniture();

// fresh(), and then the fields.
Vcpu& fresh_furnished(void (*code)(), const VcpuOptions& options = {});

// The same with every feature that the processor offers and that does not by itself make L2 exit.
Vcpu& fresh_with_everything(void (*code)());

// For fields that not every processor has.
void write_if_present(Field field, u64 value);
// What a control's capability MSR allows to be 1, and what it demands to be 1.
u32 allowed_ones(u32 plain_msr, u32 true_msr);
u32 demanded_ones(u32 plain_msr, u32 true_msr);

}  // namespace conformance
