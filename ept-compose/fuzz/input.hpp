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

    [[nodiscard]] bool at_end() const { return left_ == 0 && storm_ == 0; }

    u8 byte() {
        if (storm_ != 0) return storm_byte();
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

    // As if some hundred bytes stood here, which follow from a seed that does: where three choices have to
    // fit together, no branch tells a fuzzer that it has come closer with two, but chance meets them. An
    // input has room for a few.
    void storm() {
        constexpr unsigned bytes = 512;
        if (storm_ != 0 || storms_ == 0) return;
        --storms_;
        seed_ = number(sizeof(u32));
        storm_ = bytes;
    }

  private:
    // SplitMix64, of which a byte is taken.
    u8 storm_byte() {
        --storm_;
        seed_ += 0x9E37'79B9'7F4A'7C15;
        u64 mixed = (seed_ ^ seed_ >> 30) * 0xBF58'476D'1CE4'E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D0'49BB'1331'11EB;
        return static_cast<u8>(mixed >> 56);
    }

    unsigned storm_ = 0;   // bytes to come of one that has begun
    unsigned storms_ = 4;  // that an input may have yet
    u64 seed_ = 0;
    const u8* next_;
    usize left_;
};

}  // namespace kurma::fuzz
