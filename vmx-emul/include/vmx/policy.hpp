// Every decision of Kurma that can be switched, as one value; policy.def is its table.
//
// In: knobs and values as people write them, at boot on L0's command line, later by L0's control call.
// Out: a Policy, or the reason why a word was refused.
#pragma once

#include <ept/integer.hpp>
#include <string_view>
#include <vmx/knob_values.hpp>

namespace kurma::vmx {

/// When a knob may change.
enum class When : u8 { at_boot, any_time };
constexpr const char* name_of(When when) { return when == When::at_boot ? "at boot" : "any time"; }

struct Policy {
#define K(name, text, type, initial, ...) type name = initial;
#include <vmx/policy.def>
#undef K
};

/// One row of policy.def, for those who list them.
struct KnobRow {
    const char *name, *values;
    When when;
    const char *what, *trades, *shown_by;
};

inline constexpr KnobRow knob_rows[] = {
#define K(name, text, type, initial, values, when, what, trades, shown_by) \
    {text, values, When::when, what, trades, shown_by},
#include <vmx/policy.def>
#undef K
};

enum class KnobResult : u8 { accepted, unknown_knob, bad_value, only_at_boot };

/// The row of a knob by the name that people write, or nothing.
constexpr const KnobRow* find_knob(std::string_view knob) {
    for (const KnobRow& row : knob_rows)
        if (knob == row.name) return &row;
    return nullptr;
}

/// Sets one knob by the name that people write; `now` says whether L1 runs already. A refused word changes
/// nothing.
constexpr KnobResult set_knob(Policy& policy, std::string_view knob, std::string_view value,
                              When now = When::at_boot) {
#define K(name, text, type, initial, values, when, ...)                                    \
    if (knob == text) {                                                                    \
        type wanted = initial;                                                             \
        if (!parse(value, wanted)) return KnobResult::bad_value;                           \
        if (now == When::any_time && When::when == When::at_boot && wanted != policy.name) \
            return KnobResult::only_at_boot;                                               \
        policy.name = wanted;                                                              \
        return KnobResult::accepted;                                                       \
    }
#include <vmx/policy.def>
#undef K
    return KnobResult::unknown_knob;
}

/// Calls visit(row, value, default) for each knob in the order of the table.
template <class Visit>
constexpr void for_each_knob(const Policy& policy, Visit&& visit) {
    constexpr Policy defaults{};
    const KnobRow* row = knob_rows;
#define K(name, ...) visit(*row++, policy.name, defaults.name);
#include <vmx/policy.def>
#undef K
}

}  // namespace kurma::vmx
