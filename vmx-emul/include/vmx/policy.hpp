// Every decision of Kurma that can be switched, as one value; policy.def is its table.
//
// In: `knob=value` words of L0's command line. Out: a Policy, or the reason why a word was refused.
#pragma once

#include <ept/integer.hpp>
#include <string_view>

namespace kurma::vmx {

enum class TraceLevel : u8 { off, counters, turns };

struct Policy {
#define K(name, text, type, initial, what) type name = initial;
#include <vmx/policy.def>
#undef K
};

enum class KnobResult : u8 { accepted, unknown_knob, bad_value };

namespace detail {

constexpr bool parse(std::string_view text, bool& out) {
    const bool on = text == "on" || text == "1";
    if (!on && text != "off" && text != "0") return false;
    out = on;
    return true;
}

constexpr bool parse(std::string_view text, TraceLevel& out) {
    if (text == "off")
        out = TraceLevel::off;
    else if (text == "counters")
        out = TraceLevel::counters;
    else if (text == "turns")
        out = TraceLevel::turns;
    else
        return false;
    return true;
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
