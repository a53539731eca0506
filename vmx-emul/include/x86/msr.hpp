// Addresses of the model-specific registers that Kurma names (SDM 4 2.1; VMX ones: 3D appendix A).
#pragma once

#include <ept/integer.hpp>

namespace kurma::x86::msr {

inline constexpr u32 apic_base = 0x1b;
inline constexpr u32 feature_control = 0x3a;
inline constexpr u32 pred_cmd = 0x49;
inline constexpr u32 bios_update_trigger = 0x79;
inline constexpr u32 smm_monitor_ctl = 0x9b;
inline constexpr u32 smbase = 0x9e;
inline constexpr u32 pmc0 = 0xc1;
inline constexpr u32 flush_cmd = 0x10b;
inline constexpr u32 sysenter_cs = 0x174;
inline constexpr u32 sysenter_esp = 0x175;
inline constexpr u32 sysenter_eip = 0x176;
inline constexpr u32 perfevtsel0 = 0x186;
inline constexpr u32 debugctl = 0x1d9;
inline constexpr u32 pat = 0x277;
inline constexpr u32 perf_global_ctrl = 0x38f;
inline constexpr u32 vmx_basic = 0x480;
inline constexpr u32 vmx_pinbased_ctls = 0x481;
inline constexpr u32 vmx_procbased_ctls = 0x482;
inline constexpr u32 vmx_exit_ctls = 0x483;
inline constexpr u32 vmx_entry_ctls = 0x484;
inline constexpr u32 vmx_misc = 0x485;
inline constexpr u32 vmx_cr0_fixed0 = 0x486;
inline constexpr u32 vmx_cr0_fixed1 = 0x487;
inline constexpr u32 vmx_cr4_fixed0 = 0x488;
inline constexpr u32 vmx_cr4_fixed1 = 0x489;
inline constexpr u32 vmx_vmcs_enum = 0x48a;
inline constexpr u32 vmx_procbased_ctls2 = 0x48b;
inline constexpr u32 vmx_ept_vpid_cap = 0x48c;
inline constexpr u32 vmx_true_pinbased_ctls = 0x48d;
inline constexpr u32 vmx_true_procbased_ctls = 0x48e;
inline constexpr u32 vmx_true_exit_ctls = 0x48f;
inline constexpr u32 vmx_true_entry_ctls = 0x490;
inline constexpr u32 vmx_vmfunc = 0x491;
inline constexpr u32 x2apic_first = 0x800;
inline constexpr u32 x2apic_last = 0x8ff;
inline constexpr u32 efer = 0xc0000080;
inline constexpr u32 fs_base = 0xc0000100;
inline constexpr u32 gs_base = 0xc0000101;

namespace feature_control_bits {
inline constexpr u64 locked = 1u << 0;
inline constexpr u64 vmx_in_smx = 1u << 1;
inline constexpr u64 vmx_outside_smx = 1u << 2;
}  // namespace feature_control_bits

}  // namespace kurma::x86::msr
