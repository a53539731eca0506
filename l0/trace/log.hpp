// L0's words to people: lines on port 0xE9, which Bochs and QEMU write to a file of their own. L1 never sees
// them.
#pragma once

#include <concepts>
#include <ept/integer.hpp>
#include <string_view>

namespace kurma::l0::log {

/// A number to be printed in hexadecimal.
struct Hex {
    u64 value;
};

void put(char c);
void put(std::string_view text);
void put(const char* text);
void put(Hex number);
void put_decimal(u64 number);
void put(std::unsigned_integral auto number) { put_decimal(number); }

/// One line, with Kurma's prefix.
template <class... Parts>
void line(const Parts&... parts) {
    put(std::string_view{"kurma: "});
    (put(parts), ...);
    put('\n');
}

}  // namespace kurma::l0::log
