#include "sweeps/text.hpp"

namespace conformance {

void Text::add(char character) {
    constexpr usize last = capacity - 1;
    if (length_ < last) {
        characters_[length_++] = character;
        return;
    }
    for (usize back = 1; back <= 3; ++back) characters_[last - back] = '.';
}

void Text::add(const char* text) {
    for (; *text != 0; ++text) add(*text);
}

void Text::add(u64 value) {
    if (value >= 10) add(value / 10);
    add(static_cast<char>('0' + value % 10));
}

void Text::add(Hex value) {
    int shift = 60;
    while (shift > 0 && (value.value >> shift & 0xF) == 0) shift -= 4;
    add("0x");
    for (; shift >= 0; shift -= 4) add("0123456789abcdef"[value.value >> shift & 0xF]);
}

}  // namespace conformance
