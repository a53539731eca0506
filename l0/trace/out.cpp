#include "out.hpp"

#include "log.hpp"

namespace kurma::l0 {

void Out::put(char c) {
    if (begin_ == nullptr)
        log::put(c);
    else if (length_ < capacity_)
        begin_[length_++] = c;
    else
        cut_ = true;
}

void Out::put(std::string_view text) {
    for (const char c : text) put(c);
}

void Out::put(Hex number) {
    put(std::string_view{"0x"});
    bool started = false;
    for (int shift = 60; shift >= 0; shift -= 4) {
        const unsigned digit = (number.value >> shift) & 0xf;
        started = started || digit != 0 || shift == 0;
        if (started) put("0123456789abcdef"[digit]);
    }
}

void Out::put_decimal(u64 number) {
    if (number >= 10) put_decimal(number / 10);
    put(static_cast<char>('0' + number % 10));
}

void Out::put_left(std::string_view text, usize width) {
    put(text);
    for (usize i = text.size(); i < width; ++i) put(' ');
}

void Out::put_right(u64 number, usize width) {
    usize digits = 1;
    for (u64 rest = number; rest >= 10; rest /= 10) ++digits;
    for (usize i = digits; i < width; ++i) put(' ');
    put_decimal(number);
}

}  // namespace kurma::l0
