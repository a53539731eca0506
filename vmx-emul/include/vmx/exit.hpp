// Basic exit reasons (SDM 3D appendix C). An open enum: a processor may have more than these.
#pragma once

#include <ept/integer.hpp>

namespace kurma::vmx {

enum class Reason : u16 {
#define R(name, number) name = number,
#include <vmx/reasons.def>
#undef R
};

/// One more than the highest basic exit reason that Kurma counts on its own.
inline constexpr usize reason_count = 70;

/// The name of a basic exit reason as the traces print it, or "unnamed".
constexpr const char* name_of(Reason reason) {
    switch (reason) {
#define R(name, number) \
    case Reason::name:  \
        return #name;
#include <vmx/reasons.def>
#undef R
    }
    return "unnamed";
}

/// The exit-reason field (SDM 3C 25.9.1).
struct ExitReason {
    u32 raw = 0;

    static constexpr u32 entry_failure_bit = 1u << 31;
    static constexpr ExitReason of(Reason reason) { return {static_cast<u32>(reason)}; }
    static constexpr ExitReason failed_entry(Reason reason) {
        return {static_cast<u32>(reason) | entry_failure_bit};
    }

    constexpr Reason basic() const { return static_cast<Reason>(raw & 0xffff); }
    constexpr bool entry_failure() const { return (raw & entry_failure_bit) != 0; }
    constexpr bool operator==(const ExitReason&) const = default;
};

}  // namespace kurma::vmx
