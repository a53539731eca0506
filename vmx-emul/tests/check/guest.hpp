// What the tests of guest state share: changing one thing of a valid guest, and how a result compares and
// prints.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "../../testing/guest_state_builder.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {

inline void PrintTo(const GuestCheckResult& result, std::ostream* out) {
    *out << name_of(result.failed);
    if (!result.passed())
        *out << " (" << row_of(result.field).name << " 0x" << std::hex << result.value << ")";
}
inline bool operator==(const GuestCheckResult& a, const GuestCheckResult& b) {
    return a.failed == b.failed && (a.passed() || (a.field == b.field && a.value == b.value));
}

namespace testing {

using Change = std::function<void(Vmcs12&)>;

inline const Capabilities offered = offer(haswell(), Policy{});
inline const GuestCheckResult valid{};

template <class V, FieldId I>
GuestCheckResult violates(CheckId id, Field<V, I>, u64 value) {
    return {id, I, value};
}

inline GuestCheckResult check(const Vmcs12& v, const GuestSurroundings& around = {}) {
    return check_guest_state(v, offered, around);
}
inline GuestCheckResult changed(Vmcs12 v, const Change& change) {
    change(v);
    return check(v);
}
inline GuestCheckResult in_64_bit_mode(const Change& change) {
    return changed(valid_64_bit_guest(offered), change);
}
inline GuestCheckResult in_32_bit_mode(const Change& change) {
    return changed(valid_32_bit_guest(offered), change);
}
inline GuestCheckResult in_real_mode(const Change& change) {
    return changed(valid_real_mode_guest(offered), change);
}
inline GuestCheckResult in_virtual_8086_mode(const Change& change) {
    return changed(valid_virtual_8086_guest(offered), change);
}

/// The change of one field, for the functions above.
template <class V, FieldId I>
Change with(Field<V, I> field, std::type_identity_t<V> value) {
    return [=](Vmcs12& v) { v.set(field, value); };
}
/// A change of several.
inline Change all(std::initializer_list<Change> changes) {
    return [list = std::vector<Change>{changes}](Vmcs12& v) {
        for (const Change& change : list) change(v);
    };
}
template <class C, FieldId I, class B>
Change on(Field<C, I> control, B bit) {
    return [=](Vmcs12& v) { v.set(control, v.get(control).with(bit)); };
}
template <class C, FieldId I, class B>
Change off(Field<C, I> control, B bit) {
    return [=](Vmcs12& v) { v.set(control, v.get(control).without(bit)); };
}
inline Change inject(EventType type, u8 vector, bool error_code = false) {
    return with(field::entry_interruption_info, InterruptionInfo::make(type, vector, error_code));
}

/// The ends of the hole between canonical addresses (SDM 1 3.3.7.1), and one in the middle.
inline constexpr u64 not_canonical[]{0x0000'8000'0000'0000, 0xffff'7fff'ffff'ffff, 0x1234'5678'9abc'def0};
inline constexpr u64 canonical[]{0, 0x0000'7fff'ffff'ffff, 0xffff'8000'0000'0000, ~u64{0}};

}  // namespace testing
}  // namespace kurma::vmx
