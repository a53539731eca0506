// Guest descriptor-table registers (SDM 3C 27.3.1.3).
#include "guest.hpp"

namespace kurma::vmx::guest_checks {

GuestCheckResult check_guest_tables(const GuestEntry& entry) {
    for (const FieldId base : {FieldId::guest_gdtr_base, FieldId::guest_idtr_base})
        if (!x86::canonical(entry.raw(base))) return breaks(entry, CheckId::guest_table_base_canonical, base);
    for (const FieldId limit : {FieldId::guest_gdtr_limit, FieldId::guest_idtr_limit})
        if ((entry.raw(limit) >> 16) != 0) return breaks(entry, CheckId::guest_table_limit_high, limit);
    return {};
}

}  // namespace kurma::vmx::guest_checks
