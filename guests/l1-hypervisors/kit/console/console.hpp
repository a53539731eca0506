// The console: COM1, one byte at a time, printed with print("text ", hex(x), ' ', 12, '\n').
#pragma once

#include "base/integer.hpp"

namespace kit {

struct Hex {
    u64 value;
};
constexpr Hex hex(u64 value) { return {value}; }

// What messages of the kit begin with; each program defines its own.
extern const char* const program_name;

void open_console();
// From here on, text goes to port 0xE9 where something answers there (Bochs and QEMU show it on their
// standard output): a byte is one instruction instead of the thousands that a UART's baud rate asks for. A
// hypervisor below may print there too, so print whole lines at once.
void prefer_debug_port();
void finish_console();  // waits until the last byte is out: Bochs forgets what is still in the UART when it
                        // ends

void put(char character);
void put(const char* text);
void put(u64 value);
void put(Hex value);
inline void put(u32 value) { put(u64{value}); }

template <typename... Parts>
void print(Parts... parts) {
    (put(parts), ...);
}

}  // namespace kit
