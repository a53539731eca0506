// L0's words to people: lines on port 0xE9, which Bochs and QEMU write to a file of their own. L1 never sees
// them.
#pragma once

#include "out.hpp"

namespace kurma::l0::log {

using l0::Hex;

void put(char c);

/// One line, with Kurma's prefix. Out of the way of the code that does not come to say anything.
template <class... Parts>
[[gnu::noinline, gnu::cold]] void line(const Parts&... parts) {
    Out{}.words("kurma: ", parts..., '\n');
}

}  // namespace kurma::l0::log
