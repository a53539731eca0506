#include "base/memory.hpp"

// The compiler calls these by name for copies and zeroing.
extern "C" {
void* memset(void* to, int value, std::size_t count) {
    void* const start = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return start;
}

void* memcpy(void* to, const void* from, std::size_t count) {
    void* const start = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return start;
}
}

namespace kit {

bool same_text(const char* a, const char* b) {
    while (*a != 0 && *a == *b) ++a, ++b;
    return *a == *b;
}

bool starts_with(const char* text, const char* prefix) {
    while (*prefix != 0 && *text == *prefix) ++text, ++prefix;
    return *prefix == 0;
}

// Eight bytes at a time: an emulator counts every step of a string instruction, and pages are cleared by the
// thousand.
void Page::clear() {
    void* to = bytes;
    u64 words = sizeof bytes / sizeof(u64);
    asm volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(u64{0}) : "memory");
}

}  // namespace kit
