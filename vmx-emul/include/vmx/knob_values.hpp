// What a knob can be, and how people write it: on and off, a word of a list, a number in a range.
#pragma once

#include <array>
#include <ept/integer.hpp>
#include <string_view>

namespace kurma::vmx {

enum class TraceLevel : u8 { off, counters, turns };
enum class VmcsAccess : u8 { best, trap, shadow_copy, shadow_direct };
enum class GuestSync : u8 { lazy, eager };
enum class EntryChecks : u8 { all, changed, hardware };
enum class BitmapMerge : u8 { always, cached };
enum class HostState : u8 { always, changed };
enum class VpidL2 : u8 { own, flush };

/// A whole number from First to Last.
template <u16 First, u16 Last>
struct Count {
    static constexpr u16 first = First, last = Last;
    u16 value;
    constexpr Count(u16 initial) : value{initial} {}
    constexpr operator u16() const { return value; }
};
using FaultAroundPages = Count<1, 512>;
using KeptEpt02 = Count<1, 8>;
using CachedVmcs02 = Count<1, 16>;

/// The words of a type in the order of its values.
template <class E>
inline constexpr std::array<const char*, 0> words{};
template <>
inline constexpr std::array words<bool>{"off", "on"};
template <>
inline constexpr std::array words<TraceLevel>{"off", "counters", "turns"};
template <>
inline constexpr std::array words<VmcsAccess>{"best", "trap", "shadow-copy", "shadow-direct"};
template <>
inline constexpr std::array words<GuestSync>{"lazy", "eager"};
template <>
inline constexpr std::array words<EntryChecks>{"all", "changed", "hardware"};
template <>
inline constexpr std::array words<BitmapMerge>{"always", "cached"};
template <>
inline constexpr std::array words<HostState>{"always", "changed"};
template <>
inline constexpr std::array words<VpidL2>{"own", "flush"};

/// A value as people write it.
template <class E>
requires(words<E>.size() > 0) constexpr const char* name_of(E value) {
    return words<E>[static_cast<usize>(value)];
}

template <class E>
requires(words<E>.size() > 0) constexpr bool parse(std::string_view text, E& out) {
    for (usize i = 0; i < words<E>.size(); ++i)
        if (text == words<E>[i]) {
            out = static_cast<E>(i);
            return true;
        }
    return false;
}

/// Decimal digits and nothing else, in the range.
template <u16 First, u16 Last>
constexpr bool parse(std::string_view text, Count<First, Last>& out) {
    u32 number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + static_cast<u32>(c - '0');
        if (number > Last) return false;
    }
    if (text.empty() || number < First) return false;
    out.value = static_cast<u16>(number);
    return true;
}

}  // namespace kurma::vmx
