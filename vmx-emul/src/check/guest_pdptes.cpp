// Guest page-directory-pointer-table entries (SDM 3C 27.3.1.6).
#include "guest.hpp"

namespace kurma::vmx::guest_checks {

/// With EPT the entries are the fields. Without, the processor loads them from memory at guest CR3, and
/// checks them at least where PAE paging was not in use before or CR3 changes.
GuestCheckResult check_guest_pdptes(const GuestEntry& entry) {
    const bool pae_paging =
        entry.paging() && (entry.get(field::guest_cr4) & x86::cr4::pae) != 0 && !entry.ia32e();
    if (!pae_paging) return {};
    const u8 width = entry.offered.physical_address_width;
    if (!entry.v.secondary().has(Secondary::enable_ept)) {
        for (const u64 pdpte : entry.around.pdptes_at_cr3)
            if (!x86::pdpte::valid(pdpte, width))
                return {CheckId::guest_pdpte_in_memory, FieldId::guest_cr3, pdpte};
        return {};
    }
    for (const FieldId pdpte :
         {FieldId::guest_pdpte0, FieldId::guest_pdpte1, FieldId::guest_pdpte2, FieldId::guest_pdpte3})
        if (!x86::pdpte::valid(entry.raw(pdpte), width))
            return breaks(entry, CheckId::guest_pdpte_field, pdpte);
    return {};
}

}  // namespace kurma::vmx::guest_checks
