// Words of a command line or of a request. (The standard library's own search throws, which L0 cannot.)
#pragma once

#include <ept/integer.hpp>
#include <string_view>

namespace kurma::l0 {

/// The part of a text before a character, which is cut off from it; all of it where the character does not
/// occur.
constexpr std::string_view take_until(std::string_view& text, char end) {
    usize length = 0;
    while (length < text.size() && text[length] != end) ++length;
    const std::string_view taken{text.data(), length};
    text.remove_prefix(length < text.size() ? length + 1 : length);
    return taken;
}

}  // namespace kurma::l0
