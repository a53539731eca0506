// The names of the VM-entry checks, and what a check says: the vocabulary of the room CHECK.
#pragma once

#include <vmx/field.hpp>

namespace kurma::vmx {

enum class CheckId : u8 {
    passed,
#define C(name, what) name,
#include <vmx/checks.def>
#undef C
};

constexpr const char* name_of(CheckId id) {
    switch (id) {
        case CheckId::passed: return "passed";
#define C(name, what)   \
    case CheckId::name: \
        return #name;
#include <vmx/checks.def>
#undef C
    }
    return "?";
}

/// What must hold, in words.
constexpr const char* rule_of(CheckId id) {
    switch (id) {
        case CheckId::passed: return "";
#define C(name, what)   \
    case CheckId::name: \
        return what;
#include <vmx/checks.def>
#undef C
    }
    return "?";
}

struct CheckResult {
    CheckId failed = CheckId::passed;
    u64 value = 0;

    constexpr bool passed() const { return failed == CheckId::passed; }
};

/// Exit qualification of an entry that failed because of guest state (SDM 3C 27.8).
enum class FailedEntryQualification : u64 { none = 0, pdpte = 2, nmi_blocked_by_sti = 3, link_pointer = 4 };

constexpr FailedEntryQualification qualification_of(CheckId id) {
    using enum CheckId;
    if (id == guest_pdpte_field || id == guest_pdpte_in_memory) return FailedEntryQualification::pdpte;
    if (id == guest_nmi_blocked_by_sti) return FailedEntryQualification::nmi_blocked_by_sti;
    if (id == link_pointer_address || id == link_pointer_revision || id == link_pointer_shadow_indicator ||
        id == link_pointer_current)
        return FailedEntryQualification::link_pointer;
    return FailedEntryQualification::none;
}

/// Many of the rules about guest state are the same for several registers, so the result also names the
/// field.
struct GuestCheckResult {
    CheckId failed = CheckId::passed;
    FieldId field{};
    u64 value = 0;

    constexpr bool passed() const { return failed == CheckId::passed; }
    constexpr u64 qualification() const { return static_cast<u64>(qualification_of(failed)); }
};

}  // namespace kurma::vmx
