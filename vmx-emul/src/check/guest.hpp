// What the checks of guest state share: the entry they look at, and how a broken rule is told.
#pragma once

#include <initializer_list>
#include <vmx/check.hpp>
#include <x86/rflags.hpp>

namespace kurma::vmx::guest_checks {

/// One VM entry, as the questions that many rules ask of it.
struct GuestEntry {
    const Vmcs12& v;
    const Capabilities& offered;
    const GuestSurroundings& around;

    template <class V, FieldId I>
    V get(Field<V, I> field) const {
        return v.get(field);
    }
    u64 raw(FieldId id) const { return v.image[static_cast<usize>(id)] & value_mask(row_of(id).encoding); }

    bool has(Entry control) const { return get(field::entry_controls).has(control); }
    bool ia32e() const { return has(Entry::ia32e_mode_guest); }
    bool unrestricted() const { return v.secondary().has(Secondary::unrestricted_guest); }
    bool virtual_8086() const { return (get(field::guest_rflags) & x86::rflags::vm) != 0; }
    bool protected_mode() const { return (get(field::guest_cr0) & x86::cr0::pe) != 0; }
    bool paging() const { return (get(field::guest_cr0) & x86::cr0::pg) != 0; }
    bool code_64() const { return ia32e() && get(field::guest_cs_access_rights).long_mode_code(); }
    InterruptionInfo event() const { return get(field::entry_interruption_info); }
    bool injects(EventType type) const { return event().valid() && event().type() == type; }
    bool blocked_by(u32 bit) const { return (get(field::guest_interruptibility) & bit) != 0; }
};

using Check = GuestCheckResult (*)(const GuestEntry&);

inline GuestCheckResult breaks(const GuestEntry& entry, CheckId id, FieldId field) {
    return {id, field, entry.raw(field)};
}

inline GuestCheckResult first_broken(const GuestEntry& entry, std::initializer_list<Check> checks) {
    for (const Check check : checks)
        if (const GuestCheckResult result = check(entry); !result.passed()) return result;
    return {};
}

// One per section of SDM 3C 27.3.1, each in the file of its name.
GuestCheckResult check_guest_registers(const GuestEntry& entry);
GuestCheckResult check_guest_segments(const GuestEntry& entry);
GuestCheckResult check_guest_tables(const GuestEntry& entry);
GuestCheckResult check_guest_rip(const GuestEntry& entry);
GuestCheckResult check_guest_non_register(const GuestEntry& entry);
GuestCheckResult check_guest_pdptes(const GuestEntry& entry);

}  // namespace kurma::vmx::guest_checks
