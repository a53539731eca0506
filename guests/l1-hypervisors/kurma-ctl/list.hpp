// The answer to `list`, as a table for people.
#pragma once

#include <string_view>

namespace kurma::ctl {

/// `lines` has a line per knob: name, value, default, values, when, what, trades, with tabs between them.
/// False if the output failed.
bool print_list(std::string_view lines);

}  // namespace kurma::ctl
