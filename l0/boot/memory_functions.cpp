// What the compiler may call by itself in freestanding code.
#include <ept/integer.hpp>

using kurma::u8;
using kurma::usize;

extern "C" {

void* memcpy(void* to, const void* from, usize bytes) {
    void* const result = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return result;
}

void* memset(void* to, int value, usize bytes) {
    void* const result = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
    return result;
}

void* memmove(void* to, const void* from, usize bytes) {
    if (to <= from) return memcpy(to, from, bytes);
    // Backwards, by the instruction: a loop here would be turned into a call of memmove.
    void* target = static_cast<u8*>(to) + bytes - 1;
    const void* source = static_cast<const u8*>(from) + bytes - 1;
    asm volatile("std\n\trep movsb\n\tcld" : "+D"(target), "+S"(source), "+c"(bytes) : : "memory");
    return to;
}

int memcmp(const void* a, const void* b, usize bytes) {
    const u8* const x = static_cast<const u8*>(a);
    const u8* const y = static_cast<const u8*>(b);
    for (usize i = 0; i < bytes; ++i)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

usize strlen(const char* text) {
    usize length = 0;
    while (text[length] != '\0') ++length;
    return length;
}
}
