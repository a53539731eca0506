// Checks of host-state fields, in the order of SDM 3C 27.2.2 to 27.2.4.
#include <x86/control_registers.hpp>

#include "groups.hpp"

namespace kurma::vmx::host_checks {

CheckResult check_registers(const Vmcs12& v, const Capabilities& offered, L1Mode) {
    const ExitControls exit = v.get(field::exit_controls);
    if (!x86::fixed_bits_allow(v.get(field::host_cr0), offered.cr0_fixed0, offered.cr0_fixed1))
        return {CheckId::host_cr0_fixed, v.get(field::host_cr0)};
    if (!x86::fixed_bits_allow(v.get(field::host_cr4), offered.cr4_fixed0, offered.cr4_fixed1))
        return {CheckId::host_cr4_fixed, v.get(field::host_cr4)};
    if ((v.get(field::host_cr4) & x86::cr4::cet) != 0 && (v.get(field::host_cr0) & x86::cr0::wp) == 0)
        return {CheckId::host_cet_without_wp, v.get(field::host_cr4)};
    if ((v.get(field::host_cr3) >> offered.physical_address_width) != 0)
        return {CheckId::host_cr3_width, v.get(field::host_cr3)};
    for (const u64 address : {v.get(field::host_sysenter_esp), v.get(field::host_sysenter_eip)})
        if (!x86::canonical(address)) return {CheckId::host_sysenter_canonical, address};
    if (exit.has(Exit::load_pat) && !x86::valid_pat(v.get(field::host_pat)))
        return {CheckId::host_pat, v.get(field::host_pat)};
    if (exit.has(Exit::load_efer)) {
        const u64 efer = v.get(field::host_efer);
        constexpr u64 long_mode = x86::efer::lma | x86::efer::lme;
        if ((efer & ~x86::efer::defined) != 0) return {CheckId::host_efer_reserved, efer};
        if ((efer & long_mode) != (exit.has(Exit::host_address_space_size) ? long_mode : 0))
            return {CheckId::host_efer_lma, efer};
    }
    return {};
}

CheckResult check_segments(const Vmcs12& v, const Capabilities&, L1Mode) {
    constexpr u16 rpl_and_ti = 7;
    for (const u16 selector :
         {v.get(field::host_es_selector), v.get(field::host_cs_selector), v.get(field::host_ss_selector),
          v.get(field::host_ds_selector), v.get(field::host_fs_selector), v.get(field::host_gs_selector),
          v.get(field::host_tr_selector)})
        if ((selector & rpl_and_ti) != 0) return {CheckId::host_selector_flags, selector};
    if (v.get(field::host_cs_selector) == 0) return {CheckId::host_cs_null, 0};
    if (v.get(field::host_tr_selector) == 0) return {CheckId::host_tr_null, 0};
    if (!v.get(field::exit_controls).has(Exit::host_address_space_size) &&
        v.get(field::host_ss_selector) == 0)
        return {CheckId::host_ss_null, 0};
    for (const u64 base :
         {v.get(field::host_fs_base), v.get(field::host_gs_base), v.get(field::host_gdtr_base),
          v.get(field::host_idtr_base), v.get(field::host_tr_base)})
        if (!x86::canonical(base)) return {CheckId::host_base_canonical, base};
    return {};
}

CheckResult check_address_space_size(const Vmcs12& v, const Capabilities&, L1Mode mode) {
    const bool wide = v.get(field::exit_controls).has(Exit::host_address_space_size);
    const u64 rip = v.get(field::host_rip);
    const u64 cr4 = v.get(field::host_cr4);
    if (wide != (mode == L1Mode::ia32e))
        return {CheckId::host_size_matches_mode, v.get(field::exit_controls).raw};
    if (!wide) {
        if (v.get(field::entry_controls).has(Entry::ia32e_mode_guest))
            return {CheckId::ia32e_guest_for_32_bit_host, v.get(field::entry_controls).raw};
        if ((cr4 & x86::cr4::pcide) != 0) return {CheckId::host_32_bit_pcide, cr4};
        if ((rip >> 32) != 0) return {CheckId::host_32_bit_rip, rip};
        return {};
    }
    if ((cr4 & x86::cr4::pae) == 0) return {CheckId::host_64_bit_pae, cr4};
    if (!x86::canonical(rip)) return {CheckId::host_64_bit_rip, rip};
    return {};
}

}  // namespace kurma::vmx::host_checks
