// The VMX capability MSRs (SDM 3D appendix A): what the processor has, what L1 is offered, what follows from
// it.
#pragma once

#include <ept/eptp.hpp>
#include <vmx/field.hpp>
#include <vmx/policy.hpp>

namespace kurma::vmx {

/// The allowed settings of a control word: low half, bits that must be 1; high half, bits that may be 1
/// (A.3.1).
struct AllowedSettings {
    u64 raw = 0;

    constexpr u32 must_be_one() const { return static_cast<u32>(raw); }
    constexpr u32 may_be_one() const { return static_cast<u32>(raw >> 32); }
    constexpr bool allows(u32 word) const {
        return (word & must_be_one()) == must_be_one() && (word & ~may_be_one()) == 0;
    }
    /// The word closest to the desired one that the processor takes.
    constexpr u32 adjust(u32 desired) const { return (desired | must_be_one()) & may_be_one(); }
    constexpr AllowedSettings without(u32 bits) const { return {raw & ~(static_cast<u64>(bits) << 32)}; }
};

struct Capabilities {
    u64 basic = 0;
    AllowedSettings pin, primary, exit, entry, secondary;
    AllowedSettings true_pin, true_primary, true_exit, true_entry;
    u64 misc = 0, cr0_fixed0 = 0, cr0_fixed1 = 0, cr4_fixed0 = 0, cr4_fixed1 = 0, vmcs_enum = 0, ept_vpid = 0,
        vmfunc = 0;
    u8 physical_address_width = 36;
    /// CPUID: paging has 1 GiB pages (SDM 3A 4.1.4).
    bool paging_1g = true;

    constexpr u32 revision() const { return static_cast<u32>(basic) & 0x7fffffff; }
    /// IA32_VMX_BASIC bit 55: the TRUE capability MSRs exist (A.1).
    constexpr bool has_true_controls() const { return ((basic >> 55) & 1) != 0; }
    constexpr AllowedSettings effective_pin() const { return has_true_controls() ? true_pin : pin; }
    constexpr AllowedSettings effective_primary() const {
        return has_true_controls() ? true_primary : primary;
    }
    constexpr AllowedSettings effective_exit() const { return has_true_controls() ? true_exit : exit; }
    constexpr AllowedSettings effective_entry() const { return has_true_controls() ? true_entry : entry; }
    constexpr bool has_secondary() const {
        return (primary.may_be_one() & static_cast<u32>(Primary::activate_secondary_controls)) != 0;
    }
    constexpr bool may(Primary bit) const { return (primary.may_be_one() & static_cast<u32>(bit)) != 0; }
    constexpr bool may(Secondary bit) const {
        return has_secondary() && (secondary.may_be_one() & static_cast<u32>(bit)) != 0;
    }
    constexpr bool may(Pin bit) const { return (pin.may_be_one() & static_cast<u32>(bit)) != 0; }
    constexpr bool may(Exit bit) const { return (exit.may_be_one() & static_cast<u32>(bit)) != 0; }
    constexpr bool may(Entry bit) const { return (entry.may_be_one() & static_cast<u32>(bit)) != 0; }

    /// IA32_VMX_MISC bit 29: VMWRITE reaches exit-information fields (A.6).
    constexpr bool vmwrite_any_field() const { return ((misc >> 29) & 1) != 0; }
    constexpr unsigned cr3_targets() const { return static_cast<unsigned>(misc >> 16) & 0x1ff; }
    /// The longest MSR area that the processor is sure to take (A.6, bits 27:25).
    constexpr u32 max_msr_area_entries() const { return 512u * (static_cast<u32>((misc >> 25) & 7) + 1); }

    /// Whether an address may be that of a page that VMX uses: 4K-aligned, within the physical-address width.
    constexpr bool page_address(u64 address) const {
        return (address & 0xfff) == 0 && (address >> physical_address_width) == 0;
    }

    constexpr ept::Capabilities ept() const;
    constexpr bool exists(Exists condition) const;
};

/// VM functions, as bits of IA32_VMX_VMFUNC and of the VM-function controls (SDM 3C 25.6.14, 3D A.11).
namespace vm_function {
inline constexpr u64 eptp_switching = 1u << 0;
}  // namespace vm_function

namespace ept_vpid_cap {
inline constexpr u64 execute_only = 1u << 0;
inline constexpr u64 walk_length_4 = 1u << 6;
inline constexpr u64 uncacheable = 1u << 8;
inline constexpr u64 write_back = 1u << 14;
inline constexpr u64 page_2m = 1u << 16;
inline constexpr u64 page_1g = 1u << 17;
inline constexpr u64 invept = 1u << 20;
inline constexpr u64 accessed_dirty = 1u << 21;
inline constexpr u64 invept_single = 1u << 25;
inline constexpr u64 invept_all = 1u << 26;
inline constexpr u64 invvpid = u64{1} << 32;
inline constexpr u64 invvpid_types = u64{0xf} << 40;
}  // namespace ept_vpid_cap

constexpr ept::Capabilities Capabilities::ept() const {
    ept::Capabilities result{};
    result.execute_only = (ept_vpid & ept_vpid_cap::execute_only) != 0;
    result.page_1g = (ept_vpid & ept_vpid_cap::page_1g) != 0;
    result.page_2m = (ept_vpid & ept_vpid_cap::page_2m) != 0;
    result.accessed_dirty = (ept_vpid & ept_vpid_cap::accessed_dirty) != 0;
    result.uc = (ept_vpid & ept_vpid_cap::uncacheable) != 0;
    result.wb = (ept_vpid & ept_vpid_cap::write_back) != 0;
    result.physical_address_width = physical_address_width;
    return result;
}

constexpr bool Capabilities::exists(Exists condition) const {
    switch (condition) {
        case Exists::always: return true;
        case Exists::ept: return may(Secondary::enable_ept);
        case Exists::vpid: return may(Secondary::enable_vpid);
        case Exists::msr_bitmaps: return may(Primary::use_msr_bitmaps);
        case Exists::io_bitmaps: return may(Primary::use_io_bitmaps);
        case Exists::tpr_shadow: return may(Primary::use_tpr_shadow);
        case Exists::virtualize_apic: return may(Secondary::virtualize_apic_accesses);
        case Exists::secondary: return has_secondary();
        case Exists::pause_loop: return may(Secondary::pause_loop_exiting);
        case Exists::xsaves: return may(Secondary::enable_xsaves);
        case Exists::preemption_timer: return may(Pin::preemption_timer);
        case Exists::pat_controls: return may(Entry::load_pat) || may(Exit::save_pat) || may(Exit::load_pat);
        case Exists::efer_controls:
            return may(Entry::load_efer) || may(Exit::save_efer) || may(Exit::load_efer);
        case Exists::vmcs_shadowing: return may(Secondary::vmcs_shadowing);
        case Exists::virtual_interrupts: return may(Secondary::virtual_interrupt_delivery);
        case Exists::pml: return may(Secondary::enable_pml);
        case Exists::vm_functions: return may(Secondary::enable_vm_functions);
        case Exists::eptp_switching:
            return may(Secondary::enable_vm_functions) && (vmfunc & vm_function::eptp_switching) != 0;
        case Exists::ept_violation_ve: return may(Secondary::ept_violation_ve);
        case Exists::tsc_scaling: return may(Secondary::use_tsc_scaling);
    }
    return false;
}

/// What L1 is offered on a processor that has `host`: everything that Kurma carries through to L2, less what
/// the policy hides. Pure, so that a test can state the whole truth table.
constexpr Capabilities offer(const Capabilities& host, const Policy& policy) {
    const auto bit = [](auto b) { return static_cast<u32>(b); };
    Capabilities offered = host;
    const u32 known_pin = bit(Pin::external_interrupt_exiting) | bit(Pin::nmi_exiting) |
                          bit(Pin::virtual_nmis) | bit(Pin::preemption_timer);
    // Bit 17 of the primary controls, which has no name here, would activate tertiary ones.
    const u32 known_primary =
        bit(Primary::interrupt_window_exiting) | bit(Primary::use_tsc_offsetting) |
        bit(Primary::hlt_exiting) | bit(Primary::invlpg_exiting) | bit(Primary::mwait_exiting) |
        bit(Primary::rdpmc_exiting) | bit(Primary::rdtsc_exiting) | bit(Primary::cr3_load_exiting) |
        bit(Primary::cr3_store_exiting) | bit(Primary::cr8_load_exiting) | bit(Primary::cr8_store_exiting) |
        bit(Primary::use_tpr_shadow) | bit(Primary::nmi_window_exiting) | bit(Primary::mov_dr_exiting) |
        bit(Primary::unconditional_io_exiting) | bit(Primary::use_io_bitmaps) |
        bit(Primary::monitor_trap_flag) | bit(Primary::use_msr_bitmaps) | bit(Primary::monitor_exiting) |
        bit(Primary::pause_exiting) | bit(Primary::activate_secondary_controls);
    const u32 hidden_pin = ~(known_pin | host.pin.must_be_one());
    const u32 hidden_primary = ~(known_primary | host.primary.must_be_one());
    // Bits that this version of Kurma has no name for are hidden: their fields would not reach vmcs02.
    u32 hidden_secondary =
        ~u32{0x021fffff} | bit(Secondary::encls_exiting) | bit(Secondary::conceal_vmx_from_pt);
    if (!policy.offer_ept)
        hidden_secondary |= bit(Secondary::enable_ept) | bit(Secondary::unrestricted_guest) |
                            bit(Secondary::enable_pml) | bit(Secondary::ept_violation_ve) |
                            bit(Secondary::enable_vm_functions);
    if (!policy.offer_vpid) hidden_secondary |= bit(Secondary::enable_vpid);
    if (!policy.offer_unrestricted_guest) hidden_secondary |= bit(Secondary::unrestricted_guest);
    if (!policy.offer_apicv)
        hidden_secondary |=
            bit(Secondary::apic_register_virtualization) | bit(Secondary::virtual_interrupt_delivery);
    if (!policy.offer_vmcs_shadowing) hidden_secondary |= bit(Secondary::vmcs_shadowing);
    const u32 known_exit = bit(Exit::save_debug_controls) | bit(Exit::host_address_space_size) |
                           bit(Exit::acknowledge_interrupt_on_exit) | bit(Exit::save_pat) |
                           bit(Exit::load_pat) | bit(Exit::save_efer) | bit(Exit::load_efer) |
                           bit(Exit::save_preemption_timer);
    const u32 known_entry = bit(Entry::load_debug_controls) | bit(Entry::ia32e_mode_guest) |
                            bit(Entry::load_pat) | bit(Entry::load_efer) | bit(Entry::entry_to_smm) |
                            bit(Entry::deactivate_dual_monitor);
    const u32 hidden_exit = ~(known_exit | host.exit.must_be_one());
    const u32 hidden_entry = ~(known_entry | host.entry.must_be_one());

    offered.pin = host.pin.without(hidden_pin);
    offered.true_pin = host.true_pin.without(hidden_pin);
    offered.primary = host.primary.without(hidden_primary);
    offered.true_primary = host.true_primary.without(hidden_primary);
    offered.secondary = host.secondary.without(hidden_secondary);
    offered.exit = host.exit.without(hidden_exit);
    offered.true_exit = host.true_exit.without(hidden_exit);
    offered.entry = host.entry.without(hidden_entry);
    offered.true_entry = host.true_entry.without(hidden_entry);

    using namespace ept_vpid_cap;
    u64 known_ept = 0;
    if (policy.offer_ept && host.may(Secondary::enable_ept))
        known_ept |= execute_only | walk_length_4 | uncacheable | write_back | page_2m | page_1g | invept |
                     accessed_dirty | invept_single | invept_all;
    if (policy.offer_vpid && host.may(Secondary::enable_vpid)) known_ept |= invvpid | invvpid_types;
    offered.ept_vpid = host.ept_vpid & known_ept;
    offered.vmfunc =
        offered.may(Secondary::enable_vm_functions) ? host.vmfunc & vm_function::eptp_switching : 0;
    return offered;
}

}  // namespace kurma::vmx
