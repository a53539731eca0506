// The console: COM1, one byte at a time, printed with print("text ", hex(x), ' ', 12, '\n').
#pragma once

#include "base/integer.hpp"

namespace micro {

struct Hex {
    u64 value;
};
constexpr Hex hex(u64 value) { return {value}; }

void open_console();
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

}  // namespace micro
