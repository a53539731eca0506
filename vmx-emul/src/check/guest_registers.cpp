// Guest control registers, debug registers and MSRs (SDM 3C 27.3.1.1).
#include "guest.hpp"

namespace kurma::vmx::guest_checks {

namespace {

/// VM entry leaves NW and CD as they are, so it does not look at them; an unrestricted guest may be without
/// paging and in real mode. (Bochs 2.7 does not hold the other guests to PE and PG either.)
GuestCheckResult check_cr0(const GuestEntry& g) {
    const u64 free = x86::cr0::nw | x86::cr0::cd | (g.unrestricted() ? x86::cr0::pe | x86::cr0::pg : u64{0});
    if (!x86::fixed_bits_allow(g.get(field::guest_cr0), g.offered.cr0_fixed0 & ~free,
                               g.offered.cr0_fixed1 | free))
        return breaks(g, CheckId::guest_cr0_fixed, FieldId::guest_cr0);
    if (g.paging() && !g.protected_mode())
        return breaks(g, CheckId::guest_cr0_pg_without_pe, FieldId::guest_cr0);
    return {};
}

GuestCheckResult check_cr4(const GuestEntry& g) {
    const u64 cr4 = g.get(field::guest_cr4);
    if (!x86::fixed_bits_allow(cr4, g.offered.cr4_fixed0, g.offered.cr4_fixed1))
        return breaks(g, CheckId::guest_cr4_fixed, FieldId::guest_cr4);
    if ((cr4 & x86::cr4::cet) != 0 && (g.get(field::guest_cr0) & x86::cr0::wp) == 0)
        return breaks(g, CheckId::guest_cet_without_wp, FieldId::guest_cr4);
    return {};
}

GuestCheckResult check_debugctl(const GuestEntry& g) {
    if (g.has(Entry::load_debug_controls) && (g.get(field::guest_debugctl) & ~g.around.debugctl) != 0)
        return breaks(g, CheckId::guest_debugctl_reserved, FieldId::guest_debugctl);
    return {};
}

GuestCheckResult check_mode(const GuestEntry& g) {
    const u64 cr4 = g.get(field::guest_cr4);
    if (g.ia32e()) {
        if (!g.paging()) return breaks(g, CheckId::guest_ia32e_pg, FieldId::guest_cr0);
        if ((cr4 & x86::cr4::pae) == 0) return breaks(g, CheckId::guest_ia32e_pae, FieldId::guest_cr4);
    } else if ((cr4 & x86::cr4::pcide) != 0) {
        return breaks(g, CheckId::guest_pcide_outside_ia32e, FieldId::guest_cr4);
    }
    return {};
}

GuestCheckResult check_cr3_and_dr7(const GuestEntry& g) {
    if ((g.get(field::guest_cr3) >> g.offered.physical_address_width) != 0)
        return breaks(g, CheckId::guest_cr3_width, FieldId::guest_cr3);
    if (g.has(Entry::load_debug_controls) && (g.get(field::guest_dr7) & x86::dr7::reserved_high) != 0)
        return breaks(g, CheckId::guest_dr7_high, FieldId::guest_dr7);
    return {};
}

GuestCheckResult check_sysenter(const GuestEntry& g) {
    for (const FieldId address : {FieldId::guest_sysenter_esp, FieldId::guest_sysenter_eip})
        if (!x86::canonical(g.raw(address))) return breaks(g, CheckId::guest_sysenter_canonical, address);
    return {};
}

/// LME may differ from LMA as long as the guest does not page.
GuestCheckResult check_pat_and_efer(const GuestEntry& g) {
    if (g.has(Entry::load_pat) && !x86::valid_pat(g.get(field::guest_pat)))
        return breaks(g, CheckId::guest_pat, FieldId::guest_pat);
    if (!g.has(Entry::load_efer)) return {};
    const u64 efer = g.get(field::guest_efer);
    const bool lma = (efer & x86::efer::lma) != 0, lme = (efer & x86::efer::lme) != 0;
    if ((efer & ~x86::efer::defined) != 0)
        return breaks(g, CheckId::guest_efer_reserved, FieldId::guest_efer);
    if (lma != g.ia32e()) return breaks(g, CheckId::guest_efer_lma, FieldId::guest_efer);
    if (g.paging() && lma != lme) return breaks(g, CheckId::guest_efer_lme, FieldId::guest_efer);
    return {};
}

}  // namespace

GuestCheckResult check_guest_registers(const GuestEntry& entry) {
    return first_broken(entry, {check_cr0, check_cr4, check_debugctl, check_mode, check_cr3_and_dr7,
                                check_sysenter, check_pat_and_efer});
}

}  // namespace kurma::vmx::guest_checks
