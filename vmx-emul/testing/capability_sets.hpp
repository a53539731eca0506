// What some processors report in their VMX capability MSRs, as the host that Kurma runs on.
//
// The words are put together from SDM 3D appendix A (the default1 classes of A.2) and from the features of
// the Bochs 2.7 models of the same name.
#pragma once

#include <vmx/capability.hpp>

namespace kurma::vmx::testing {

/// The default1 classes (SDM 3D A.2): bits that are 1 in every word unless a TRUE capability MSR relaxes
/// them.
namespace default1 {
inline constexpr u32 pin = 0x0000'0016;
inline constexpr u32 primary = 0x0401'e172;
inline constexpr u32 exit = 0x0003'6dff;
inline constexpr u32 entry = 0x0000'11ff;
/// Of those, the bits that have since got a meaning at 0 (A.3.2, A.4, A.5).
inline constexpr u32 true_primary = 0x0400'6172;
inline constexpr u32 true_exit = 0x0003'6dfb;
inline constexpr u32 true_entry = 0x0000'11fb;
}  // namespace default1

template <class... Bits>
constexpr u32 bits(Bits... bit) {
    return (u32{0} | ... | static_cast<u32>(bit));
}

constexpr AllowedSettings settings(u32 must_be_one, u32 may_be_one) {
    return {static_cast<u64>(must_be_one | may_be_one) << 32 | must_be_one};
}

constexpr Capabilities sandy_bridge() {
    Capabilities c{};
    constexpr u64 region_bytes = u64{4096} << 32;
    constexpr u64 write_back = u64{6} << 50;
    constexpr u64 io_information = u64{1} << 54;
    constexpr u64 true_controls = u64{1} << 55;
    c.basic = 0x2b | region_bytes | write_back | io_information | true_controls;
    const u32 pin =
        bits(Pin::external_interrupt_exiting, Pin::nmi_exiting, Pin::virtual_nmis, Pin::preemption_timer);
    c.pin = c.true_pin = settings(default1::pin, pin);
    const u32 primary =
        bits(Primary::interrupt_window_exiting, Primary::use_tsc_offsetting, Primary::hlt_exiting,
             Primary::invlpg_exiting, Primary::mwait_exiting, Primary::rdpmc_exiting, Primary::rdtsc_exiting,
             Primary::cr3_load_exiting, Primary::cr3_store_exiting, Primary::cr8_load_exiting,
             Primary::cr8_store_exiting, Primary::use_tpr_shadow, Primary::nmi_window_exiting,
             Primary::mov_dr_exiting, Primary::unconditional_io_exiting, Primary::use_io_bitmaps,
             Primary::monitor_trap_flag, Primary::use_msr_bitmaps, Primary::monitor_exiting,
             Primary::pause_exiting, Primary::activate_secondary_controls);
    c.primary = settings(default1::primary, primary);
    c.true_primary = settings(default1::true_primary, primary);
    c.secondary =
        settings(0, bits(Secondary::virtualize_apic_accesses, Secondary::enable_ept,
                         Secondary::descriptor_table_exiting, Secondary::enable_rdtscp,
                         Secondary::virtualize_x2apic_mode, Secondary::enable_vpid, Secondary::wbinvd_exiting,
                         Secondary::unrestricted_guest, Secondary::pause_loop_exiting));
    const u32 exit = bits(Exit::save_debug_controls, Exit::host_address_space_size,
                          Exit::load_perf_global_ctrl, Exit::acknowledge_interrupt_on_exit, Exit::save_pat,
                          Exit::load_pat, Exit::save_efer, Exit::load_efer, Exit::save_preemption_timer);
    c.exit = settings(default1::exit, exit);
    c.true_exit = settings(default1::true_exit, exit);
    const u32 entry = bits(Entry::load_debug_controls, Entry::ia32e_mode_guest, Entry::load_perf_global_ctrl,
                           Entry::load_pat, Entry::load_efer);
    c.entry = settings(default1::entry, entry);
    c.true_entry = settings(default1::true_entry, entry);
    constexpr u64 stores_lma = 1u << 5, hlt_shutdown_sipi = 7u << 6, four_cr3_targets = 4u << 16;
    c.misc = stores_lma | hlt_shutdown_sipi | four_cr3_targets;
    c.cr0_fixed0 = 0x8000'0021;
    c.cr0_fixed1 = 0xffff'ffff;
    c.cr4_fixed0 = 0x2000;
    c.cr4_fixed1 = 0x0006'67ff;
    c.vmcs_enum = 0x2a;
    c.ept_vpid = 0x0000'0f01'0611'4141;
    c.physical_address_width = 40;
    return c;
}

constexpr Capabilities haswell() {
    Capabilities c = sandy_bridge();
    const u32 more =
        bits(Secondary::rdrand_exiting, Secondary::enable_invpcid, Secondary::enable_vm_functions,
             Secondary::vmcs_shadowing, Secondary::apic_register_virtualization,
             Secondary::virtual_interrupt_delivery, Secondary::ept_violation_ve);
    c.secondary = settings(0, c.secondary.may_be_one() | more);
    constexpr u64 vmwrite_any_field = 1u << 29;
    c.misc |= vmwrite_any_field;
    c.cr4_fixed1 = 0x0017'67ff;
    constexpr u64 page_1g = 1u << 17, accessed_dirty = 1u << 21;
    c.ept_vpid |= page_1g | accessed_dirty;
    c.vmfunc = vm_function::eptp_switching;
    return c;
}

/// The log of page modifications, TSC scaling, and software events without an instruction came with it.
constexpr Capabilities skylake() {
    Capabilities c = haswell();
    c.secondary =
        settings(0, c.secondary.may_be_one() | bits(Secondary::enable_pml, Secondary::use_tsc_scaling));
    constexpr u64 zero_length_events = 1u << 30;
    c.misc |= zero_length_events;
    return c;
}

/// A processor with every bit that the manual defines, and the bits beyond them too.
constexpr Capabilities everything() {
    Capabilities c = haswell();
    c.pin = c.true_pin = settings(default1::pin, ~u32{0});
    c.primary = settings(default1::primary, ~u32{0});
    c.true_primary = settings(default1::true_primary, ~u32{0});
    c.secondary = settings(0, ~u32{0});
    c.exit = settings(default1::exit, ~u32{0});
    c.true_exit = settings(default1::true_exit, ~u32{0});
    c.entry = settings(default1::entry, ~u32{0});
    c.true_entry = settings(default1::true_entry, ~u32{0});
    c.ept_vpid = ~u64{0};
    c.vmfunc = ~u64{0};
    return c;
}

/// The first processors with VMX: no TRUE controls, no secondary controls, no MSR switching by name.
constexpr Capabilities first_generation() {
    Capabilities c = sandy_bridge();
    c.basic &= ~(u64{1} << 55);
    c.pin = settings(default1::pin, bits(Pin::external_interrupt_exiting, Pin::nmi_exiting));
    c.primary = settings(default1::primary,
                         c.primary.may_be_one() & ~bits(Primary::activate_secondary_controls,
                                                        Primary::use_tpr_shadow, Primary::use_msr_bitmaps));
    c.secondary = {};
    c.exit =
        settings(default1::exit, bits(Exit::host_address_space_size, Exit::acknowledge_interrupt_on_exit));
    c.entry = settings(default1::entry, bits(Entry::ia32e_mode_guest));
    c.true_pin = c.true_primary = c.true_exit = c.true_entry = {};
    c.ept_vpid = 0;
    return c;
}

}  // namespace kurma::vmx::testing
