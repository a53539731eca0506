// Every decision of Kurma that can be switched, as one value; policy.def is its table.
//
// In: `knob=value` words of L0's command line. Out: a Policy, or the reason why a word was refused.
#pragma once

#include <ept/integer.hpp>
#include <string_view>

namespace kurma::vmx {

enum class TraceLevel : u8 { off, counters, turns };
enum class VmcsAccess : u8 { best, trap, shadow_direct };

struct Policy {
#define K(name, text, type, initial, what) type name = initial;
#include <vmx/policy.def>
#undef K
};

enum class KnobResult : u8 { accepted, unknown_knob, bad_value };

/// A value as people write it.
constexpr const char* name_of(bool value) { return value ? "on" : "off"; }
constexpr const char* name_of(TraceLevel level) {
    switch (level) {
        case TraceLevel::off: return "off";
        case TraceLevel::counters: return "counters";
        case TraceLevel::turns: return "turns";
    }
    return "?";
}
constexpr const char* name_of(VmcsAccess access) {
    switch (access) {
        case VmcsAccess::best: return "best";
        case VmcsAccess::trap: return "trap";
        case VmcsAccess::shadow_direct: return "shadow-direct";
    }
    return "?";
}

namespace detail {

/// Finds the value that people write so, among the first and those after it.
template <class E, class... Rest>
constexpr bool parse_one_of(std::string_view text, E& out, E first, Rest... rest) {
    if (text == name_of(first)) {
        out = first;
        return true;
    }
    if constexpr (sizeof...(rest) > 0)
        return parse_one_of(text, out, rest...);
    else
        return false;
}

constexpr bool parse(std::string_view text, bool& out) { return parse_one_of(text, out, true, false); }
constexpr bool parse(std::string_view text, TraceLevel& out) {
    return parse_one_of(text, out, TraceLevel::off, TraceLevel::counters, TraceLevel::turns);
}
constexpr bool parse(std::string_view text, VmcsAccess& out) {
    return parse_one_of(text, out, VmcsAccess::best, VmcsAccess::trap, VmcsAccess::shadow_direct);
}

}  // namespace detail

/// Sets one knob by the name that people write.
constexpr KnobResult set_knob(Policy& policy, std::string_view knob, std::string_view value) {
#define K(name, text, type, initial, what) \
    if (knob == text) return detail::parse(value, policy.name) ? KnobResult::accepted : KnobResult::bad_value;
#include <vmx/policy.def>
#undef K
    return KnobResult::unknown_knob;
}

}  // namespace kurma::vmx
