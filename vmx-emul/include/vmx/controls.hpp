// The five VM-execution, exit and entry control words (SDM 3C 25.6.1, 25.6.2, 25.7.1, 25.8.1) and the event
// word.
#pragma once

#include <ept/integer.hpp>

namespace kurma::vmx {

/// A 32-bit control word whose bits are named by `Bit`.
template <class Bit>
struct Controls {
    u32 raw = 0;

    constexpr bool has(Bit bit) const { return (raw & static_cast<u32>(bit)) != 0; }
    constexpr Controls with(Bit bit) const { return {raw | static_cast<u32>(bit)}; }
    constexpr Controls without(Bit bit) const { return {raw & ~static_cast<u32>(bit)}; }
    constexpr Controls with_if(bool condition, Bit bit) const { return condition ? with(bit) : without(bit); }
    constexpr bool operator==(const Controls&) const = default;
};

enum class Pin : u32 {
    external_interrupt_exiting = 1u << 0,
    nmi_exiting = 1u << 3,
    virtual_nmis = 1u << 5,
    preemption_timer = 1u << 6,
    posted_interrupts = 1u << 7,
};

enum class Primary : u32 {
    interrupt_window_exiting = 1u << 2,
    use_tsc_offsetting = 1u << 3,
    hlt_exiting = 1u << 7,
    invlpg_exiting = 1u << 9,
    mwait_exiting = 1u << 10,
    rdpmc_exiting = 1u << 11,
    rdtsc_exiting = 1u << 12,
    cr3_load_exiting = 1u << 15,
    cr3_store_exiting = 1u << 16,
    cr8_load_exiting = 1u << 19,
    cr8_store_exiting = 1u << 20,
    use_tpr_shadow = 1u << 21,
    nmi_window_exiting = 1u << 22,
    mov_dr_exiting = 1u << 23,
    unconditional_io_exiting = 1u << 24,
    use_io_bitmaps = 1u << 25,
    monitor_trap_flag = 1u << 27,
    use_msr_bitmaps = 1u << 28,
    monitor_exiting = 1u << 29,
    pause_exiting = 1u << 30,
    activate_secondary_controls = 1u << 31,
};

enum class Secondary : u32 {
    virtualize_apic_accesses = 1u << 0,
    enable_ept = 1u << 1,
    descriptor_table_exiting = 1u << 2,
    enable_rdtscp = 1u << 3,
    virtualize_x2apic_mode = 1u << 4,
    enable_vpid = 1u << 5,
    wbinvd_exiting = 1u << 6,
    unrestricted_guest = 1u << 7,
    apic_register_virtualization = 1u << 8,
    virtual_interrupt_delivery = 1u << 9,
    pause_loop_exiting = 1u << 10,
    rdrand_exiting = 1u << 11,
    enable_invpcid = 1u << 12,
    enable_vm_functions = 1u << 13,
    vmcs_shadowing = 1u << 14,
    encls_exiting = 1u << 15,
    rdseed_exiting = 1u << 16,
    enable_pml = 1u << 17,
    ept_violation_ve = 1u << 18,
    conceal_vmx_from_pt = 1u << 19,
    enable_xsaves = 1u << 20,
    use_tsc_scaling = 1u << 25,
};

enum class Exit : u32 {
    save_debug_controls = 1u << 2,
    host_address_space_size = 1u << 9,
    load_perf_global_ctrl = 1u << 12,
    acknowledge_interrupt_on_exit = 1u << 15,
    save_pat = 1u << 18,
    load_pat = 1u << 19,
    save_efer = 1u << 20,
    load_efer = 1u << 21,
    save_preemption_timer = 1u << 22,
};

enum class Entry : u32 {
    load_debug_controls = 1u << 2,
    ia32e_mode_guest = 1u << 9,
    entry_to_smm = 1u << 10,
    deactivate_dual_monitor = 1u << 11,
    load_perf_global_ctrl = 1u << 13,
    load_pat = 1u << 14,
    load_efer = 1u << 15,
};

using PinControls = Controls<Pin>;
using PrimaryControls = Controls<Primary>;
using SecondaryControls = Controls<Secondary>;
using ExitControls = Controls<Exit>;
using EntryControls = Controls<Entry>;

}  // namespace kurma::vmx
