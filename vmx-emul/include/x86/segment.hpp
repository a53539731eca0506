// Segment registers as a VMCS holds them: access rights in the VMX format (SDM 3C 25.4.1, table 25-2).
#pragma once

#include <ept/integer.hpp>

namespace kurma::x86 {

struct AccessRights {
    u32 raw = 0;

    constexpr u8 type() const { return raw & 0xf; }
    constexpr u8 dpl() const { return (raw >> 5) & 3; }
    constexpr bool long_mode_code() const { return (raw >> 13) & 1; }
    constexpr bool unusable() const { return (raw >> 16) & 1; }
    constexpr bool operator==(const AccessRights&) const = default;

    static constexpr AccessRights unusable_segment() { return {1u << 16}; }
    /// Accessed code, DPL 0, present, 4 KiB granularity.
    static constexpr AccessRights flat_code(bool long_mode, bool default_32) {
        return {0xb | (1u << 4) | (1u << 7) | (long_mode ? 1u << 13 : 0u) | (default_32 ? 1u << 14 : 0u) |
                (1u << 15)};
    }
    /// Accessed writable data, DPL 0, present, 4 KiB granularity, 32-bit.
    static constexpr AccessRights flat_data() {
        return {0x3 | (1u << 4) | (1u << 7) | (1u << 14) | (1u << 15)};
    }
    static constexpr AccessRights busy_tss() { return {0xb | (1u << 7)}; }
};

}  // namespace kurma::x86
