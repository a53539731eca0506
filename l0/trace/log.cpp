#include "log.hpp"

#include "../hw/cpu.hpp"

namespace kurma::l0::log {

namespace {
constexpr u16 debug_console_port = 0xe9;
}

void put(char c) { hw::outb(debug_console_port, static_cast<u8>(c)); }

void put(std::string_view text) {
    for (const char c : text) put(c);
}

void put(const char* text) { put(std::string_view{text}); }

void put(Hex number) {
    put(std::string_view{"0x"});
    bool started = false;
    for (int shift = 60; shift >= 0; shift -= 4) {
        const unsigned digit = (number.value >> shift) & 0xf;
        started = started || digit != 0 || shift == 0;
        if (started) put("0123456789abcdef"[digit]);
    }
}

void put_decimal(u64 number) {
    if (number >= 10) put_decimal(number / 10);
    put(static_cast<char>('0' + number % 10));
}

}  // namespace kurma::l0::log
