// Addresses of objects, and the few string functions that a freestanding program has to bring along.
#pragma once

#include "base/integer.hpp"

namespace kit {

// Memory is mapped one to one, so an object's address is also its physical address.
inline u64 address_of(const void* object) { return reinterpret_cast<u64>(object); }

template <typename T>
T* at_address(u64 address) {
    return reinterpret_cast<T*>(address);
}

bool same_text(const char* a, const char* b);
bool starts_with(const char* text, const char* prefix);

struct alignas(page_size) Page {
    u8 bytes[page_size] = {};
    u64 address() const { return address_of(this); }
    void clear();
};

}  // namespace kit
