#include "console/console.hpp"

#include "cpu/instructions.hpp"

namespace kit {
namespace {

constexpr u16 com1_data = 0x3F8;
constexpr u16 com1_line_control = com1_data + 3, com1_line_status = com1_data + 5;
constexpr u8 eight_bits_no_parity = 3;
constexpr u8 buffer_empty = 1 << 5, transmitter_empty = 1 << 6;

constexpr u16 debug_port = 0xE9;  // reads as its own number where it is one
bool on_debug_port = false;

void wait_for(u8 status) {
    while ((in8(com1_line_status) & status) == 0) {
    }
}

}  // namespace

void open_console() { out8(com1_line_control, eight_bits_no_parity); }
void prefer_debug_port() { on_debug_port = in8(debug_port) == debug_port; }
void finish_console() { wait_for(transmitter_empty); }

void put(char character) {
    if (on_debug_port) {
        out8(debug_port, static_cast<u8>(character));
        return;
    }
    // Bochs drops bytes that are written before the UART says that it is ready.
    wait_for(buffer_empty);
    out8(com1_data, static_cast<u8>(character));
}

void put(const char* text) {
    for (; *text != 0; ++text) {
        if (*text == '\n' && !on_debug_port) put('\r');
        put(*text);
    }
}

void put(u64 value) {
    char digits[20];
    usize count = 0;
    do {
        digits[count++] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count != 0) put(digits[--count]);
}

void put(Hex value) {
    put("0x");
    int shift = 60;
    while (shift > 0 && (value.value >> shift & 0xF) == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) put("0123456789abcdef"[value.value >> shift & 0xF]);
}

}  // namespace kit
