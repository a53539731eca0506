// Into VMX operation and out of it, and regions for VMCSs.
#pragma once

#include "base/memory.hpp"

namespace kit {

// Says on the console why not, where the processor has no VMX or it is locked off.
bool enter_vmx_operation();
void leave_vmx_operation();
u64 vmxon_region();
u32 vmcs_revision();
void prepare_region(Page& page);  // clears it and writes the revision identifier

// The control word that has `wanted` and what the processor insists on. Ends the run if `wanted` is not
// allowed.
u32 adjusted_control(u32 plain_msr, u32 true_msr, u32 wanted);
bool ept_is_offered();
bool control_is_allowed(u32 plain_msr, u32 wanted);

}  // namespace kit
