// Guest RIP and RFLAGS (SDM 3C 27.3.1.4).
#include "guest.hpp"

namespace kurma::vmx::guest_checks {

namespace {

/// A 64-bit guest may stand on the first address that is not canonical: its next fetch faults.
GuestCheckResult check_rip(const GuestEntry& g) {
    const u64 rip = g.get(field::guest_rip);
    if (!g.code_64() && (rip >> 32) != 0) return breaks(g, CheckId::guest_rip_high, FieldId::guest_rip);
    if (g.code_64() && !x86::sign_extended_48(rip))
        return breaks(g, CheckId::guest_rip_width, FieldId::guest_rip);
    return {};
}

GuestCheckResult check_rflags(const GuestEntry& g) {
    const u64 rflags = g.get(field::guest_rflags);
    if ((rflags & x86::rflags::reserved_zero) != 0 || (rflags & x86::rflags::reserved_one) == 0)
        return breaks(g, CheckId::guest_rflags_reserved, FieldId::guest_rflags);
    if (g.virtual_8086() && (g.ia32e() || !g.protected_mode()))
        return breaks(g, CheckId::guest_rflags_vm, FieldId::guest_rflags);
    if (g.injects(EventType::external_interrupt) && (rflags & x86::rflags::intf) == 0)
        return breaks(g, CheckId::guest_rflags_if, FieldId::guest_rflags);
    return {};
}

}  // namespace

GuestCheckResult check_guest_rip(const GuestEntry& entry) {
    return first_broken(entry, {check_rip, check_rflags});
}

}  // namespace kurma::vmx::guest_checks
