// Bits of the VMX controls and of the capability registers (SDM 3C 25.6 to 25.8, 3D appendix A).
#pragma once

#include "base/integer.hpp"

namespace kit {

namespace pin {
inline constexpr u32 external_interrupt = 1u << 0, nmi = 1u << 3, virtual_nmis = 1u << 5,
                     preemption_timer = 1u << 6, posted_interrupts = 1u << 7;
}
namespace primary {
inline constexpr u32 interrupt_window = 1u << 2, tsc_offsetting = 1u << 3, hlt = 1u << 7, invlpg = 1u << 9,
                     mwait = 1u << 10, rdpmc = 1u << 11, rdtsc = 1u << 12, cr3_load = 1u << 15,
                     cr3_store = 1u << 16, cr8_load = 1u << 19, cr8_store = 1u << 20, tpr_shadow = 1u << 21,
                     nmi_window = 1u << 22, mov_dr = 1u << 23, all_io = 1u << 24, io_bitmaps = 1u << 25,
                     monitor_trap = 1u << 27, msr_bitmaps = 1u << 28, monitor = 1u << 29, pause = 1u << 30,
                     secondary = 1u << 31;
}
namespace secondary {
inline constexpr u32 apic_accesses = 1u << 0, ept = 1u << 1, descriptor_table = 1u << 2, rdtscp = 1u << 3,
                     x2apic = 1u << 4, vpid = 1u << 5, wbinvd = 1u << 6, unrestricted_guest = 1u << 7,
                     apic_registers = 1u << 8, virtual_interrupts = 1u << 9, pause_loop = 1u << 10,
                     rdrand = 1u << 11, invpcid = 1u << 12, vm_functions = 1u << 13,
                     vmcs_shadowing = 1u << 14, rdseed = 1u << 16, page_log = 1u << 17,
                     virtualization_exceptions = 1u << 18, xsaves = 1u << 20, tsc_scaling = 1u << 25;
}
namespace exit_control {
inline constexpr u32 save_debug = 1u << 2, host_64bit = 1u << 9, load_perf_global_ctrl = 1u << 12,
                     acknowledge_interrupt = 1u << 15, save_pat = 1u << 18, load_pat = 1u << 19,
                     save_efer = 1u << 20, load_efer = 1u << 21, save_preemption_timer = 1u << 22;
}
namespace entry_control {
inline constexpr u32 load_debug = 1u << 2, guest_64bit = 1u << 9, to_smm = 1u << 10,
                     deactivate_dual_monitor = 1u << 11, load_perf_global_ctrl = 1u << 13,
                     load_pat = 1u << 14, load_efer = 1u << 15;
}

namespace vmx_msr {
inline constexpr u32 basic = 0x480, pin = 0x481, primary = 0x482, exit = 0x483, entry = 0x484, misc = 0x485,
                     cr0_fixed0 = 0x486, cr0_fixed1 = 0x487, cr4_fixed0 = 0x488, cr4_fixed1 = 0x489,
                     vmcs_enum = 0x48A, secondary = 0x48B, ept_vpid = 0x48C, true_pin = 0x48D,
                     true_primary = 0x48E, true_exit = 0x48F, true_entry = 0x490, vmfunc = 0x491;
inline constexpr u64 basic_true_controls = bit(55);
inline constexpr u64 misc_vmwrite_any_field = bit(29);
inline constexpr u64 ept_execute_only = bit(0), ept_2m_pages = bit(16), ept_1g_pages = bit(17),
                     ept_accessed_dirty = bit(21), invept_single = bit(25), invept_all = bit(26),
                     invvpid_individual = bit(40), invvpid_single = bit(41), invvpid_all = bit(42);
}  // namespace vmx_msr

namespace feature_control {
inline constexpr u64 locked = bit(0), vmx_outside_smx = bit(2);
}

enum class InvalidationType : u64 {
    individual_address = 0,
    single_context = 1,
    all_contexts = 2,
    single_but_global = 3
};

// Basic exit reasons (SDM 3D appendix C).
namespace reason {
inline constexpr u32 exception = 0, external_interrupt = 1, triple_fault = 2, interrupt_window = 7,
                     cpuid = 10, hlt = 12, invd = 13, invlpg = 14, rdpmc = 15, mov_dr = 29, pause = 40,
                     tpr_below_threshold = 43, apic_access = 44, gdtr_idtr = 46, ldtr_tr = 47, rdtscp = 51,
                     wbinvd = 54, rdrand = 57, invpcid = 58, rdseed = 61, rdtsc = 16, vmcall = 18,
                     vmclear = 19, vmlaunch = 20, vmptrld = 21, vmread = 23, vmresume = 24, vmwrite = 25,
                     vmxoff = 26, vmxon = 27, cr_access = 28, io = 30, rdmsr = 31, wrmsr = 32,
                     invalid_guest_state = 33, msr_loading = 34, ept_violation = 48,
                     ept_misconfiguration = 49, preemption_timer = 52, xsetbv = 55;
inline constexpr u32 entry_failed = 1u << 31;
}  // namespace reason

// VM-instruction errors (SDM 3C 31.4).
namespace vm_error {
inline constexpr u32 vmcall_in_root = 1, vmclear_address = 2, vmclear_vmxon_pointer = 3, launch_not_clear = 4,
                     resume_not_launched = 5, entry_controls = 7, entry_host_state = 8, vmptrld_address = 9,
                     vmptrld_vmxon_pointer = 10, vmptrld_revision = 11, unsupported_field = 12,
                     read_only_field = 13, vmxon_in_root = 15, entry_mov_ss_blocking = 26,
                     invalidation_operand = 28;
}

// Interruption information (SDM 3C 25.8.3, 25.9.2).
namespace interruption {
inline constexpr u32 external = 0 << 8, nmi = 2 << 8, hardware_exception = 3 << 8,
                     software_interrupt = 4 << 8, software_exception = 6 << 8, has_error_code = 1 << 11,
                     valid = 1u << 31;
}

}  // namespace kit
