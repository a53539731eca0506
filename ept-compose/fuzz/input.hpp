// The bytes that a fuzzer hands over, read as a series of choices.
//
// In:   any bytes.     Out: numbers; zeros once the bytes are used up, so that every input means something.
// Laws: the same bytes are the same choices, on every machine.
#pragma once

#include <ept/integer.hpp>

namespace kurma::fuzz {

class Input {
  public:
    Input(const u8* bytes, usize size) : next_(bytes), left_(size) {}

    [[nodiscard]] bool at_end() const { return left_ == 0; }

    u8 byte() {
        if (left_ == 0) return 0;
        --left_;
        return *next_++;
    }
    // The first byte is the lowest.
    u64 number(unsigned bytes = sizeof(u64)) {
        u64 value = 0;
        for (unsigned i = 0; i < bytes; ++i) value |= u64{byte()} << (8 * i);
        return value;
    }
    u32 number32() { return static_cast<u32>(number(sizeof(u32))); }
    // As few bytes as a number below the limit needs. The limit is not 0.
    u64 below(u64 limit) {
        unsigned bytes = 1;
        while (bytes < sizeof(u64) && ((limit - 1) >> (8 * bytes)) != 0) ++bytes;
        return number(bytes) % limit;
    }
    bool flag() { return (byte() & 1) != 0; }

  private:
    const u8* next_;
    usize left_;
};

}  // namespace kurma::fuzz
