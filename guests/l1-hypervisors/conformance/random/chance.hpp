// The only source of chance: each case draws from a generator of its own, made of (seed, index), so that a
// case is the same whichever cases ran before it.
#pragma once

#include "base/integer.hpp"

namespace conformance::random {

using namespace kit;

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
constexpr u64 mixed(u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

class Chance {
  public:
    constexpr explicit Chance(u64 state) : state_(state) {}
    constexpr u64 next() { return mixed(state_ += 0x9E3779B97F4A7C15); }
    constexpr u64 below(u64 bound) { return (next() >> 11) % bound; }
    constexpr bool one_in(u64 times) { return below(times) == 0; }
    template <typename T, usize count>
    constexpr const T& pick(const T (&list)[count]) {
        return list[below(count)];
    }
    // One of the bits of `mask`.
    constexpr u64 bit_of(u64 mask) {
        u64 count = 0;
        for (u64 rest = mask; rest != 0; rest &= rest - 1) ++count;
        for (u64 skip = below(count); skip != 0; --skip) mask &= mask - 1;
        return mask & (0 - mask);
    }
    // Draws that do not disturb this generator's own row.
    constexpr Chance child(u64 number) const { return Chance(mixed(state_ ^ mixed(number + 1))); }

  private:
    u64 state_;
};

}  // namespace conformance::random
