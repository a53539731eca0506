// Segment registers as a VMCS holds them: access rights in the VMX format (SDM 3C 25.4.1, table 25-2).
#pragma once

#include <ept/integer.hpp>

namespace kurma::x86 {

/// Segment types (SDM 3A 3.4.5.1, 3.5): those that VM entry asks for by number.
namespace segment_type {
inline constexpr u8 ldt = 2;
inline constexpr u8 busy_tss_16 = 3;
inline constexpr u8 busy_tss = 11;
inline constexpr u8 read_write_accessed = 3;
inline constexpr u8 read_write_expand_down_accessed = 7;
inline constexpr u8 execute_accessed = 9;
inline constexpr u8 execute_read_accessed = 11;
inline constexpr u8 execute_conforming_accessed = 13;
inline constexpr u8 execute_read_conforming_accessed = 15;
/// The bits of a code or data segment's type; `readable` is that of a code segment.
inline constexpr u8 accessed = 1, readable = 2, conforming = 4, code = 8;
}  // namespace segment_type

/// The parts of a selector (SDM 3A 3.4.2).
struct Selector {
    u16 raw = 0;

    constexpr u8 rpl() const { return raw & 3; }
    constexpr bool local_table() const { return (raw >> 2) & 1; }
};

struct AccessRights {
    u32 raw = 0;

    static constexpr u32 reserved_low = 0xf00;
    static constexpr u32 reserved_high = 0xfffe'0000;

    constexpr u8 type() const { return raw & 0xf; }
    constexpr bool code_or_data() const { return (raw >> 4) & 1; }
    constexpr u8 dpl() const { return (raw >> 5) & 3; }
    constexpr bool present() const { return (raw >> 7) & 1; }
    constexpr bool long_mode_code() const { return (raw >> 13) & 1; }
    constexpr bool default_32() const { return (raw >> 14) & 1; }
    constexpr bool page_granular() const { return (raw >> 15) & 1; }
    constexpr bool unusable() const { return (raw >> 16) & 1; }
    constexpr bool is_code() const { return (type() & segment_type::code) != 0; }
    constexpr bool is_conforming_code() const {
        return is_code() && (type() & segment_type::conforming) != 0;
    }
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
    static constexpr AccessRights local_descriptor_table() { return {0x2 | (1u << 7)}; }
    /// Accessed writable data, DPL 3, present: what every segment of a virtual-8086 task is.
    static constexpr AccessRights virtual_8086() { return {0xf3}; }
};

}  // namespace kurma::x86
