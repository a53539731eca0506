// Interruption-information words: events to inject, events that exited, events cut short by an exit
// (SDM 3C 25.8.3, 25.9.2, 25.9.3).
#pragma once

#include <x86/exception.hpp>

namespace kurma::vmx {

enum class EventType : u8 {
    external_interrupt = 0,
    reserved = 1,
    nmi = 2,
    hardware_exception = 3,
    software_interrupt = 4,
    privileged_software_exception = 5,
    software_exception = 6,
    other_event = 7,
};

struct InterruptionInfo {
    u32 raw = 0;

    static constexpr u32 valid_bit = 1u << 31;
    static constexpr u32 error_code_bit = 1u << 11;
    static constexpr u32 nmi_unblocking_bit = 1u << 12;
    /// What VM entry defines: bits 30:12 are reserved there.
    static constexpr u32 entry_reserved = 0x7ffff000;

    constexpr bool valid() const { return (raw & valid_bit) != 0; }
    constexpr u8 vector() const { return raw & 0xff; }
    constexpr EventType type() const { return static_cast<EventType>((raw >> 8) & 7); }
    constexpr bool error_code_valid() const { return (raw & error_code_bit) != 0; }
    /// Software events push the address after the instruction, so their injection needs its length.
    constexpr bool needs_instruction_length() const {
        return type() == EventType::software_interrupt ||
               type() == EventType::privileged_software_exception || type() == EventType::software_exception;
    }
    constexpr InterruptionInfo consumed() const { return {raw & ~valid_bit}; }
    /// An IDT-vectoring word as an entry word: bit 12 is undefined there and must not reach the entry field.
    constexpr InterruptionInfo for_reinjection() const { return {raw & ~entry_reserved}; }
    constexpr bool operator==(const InterruptionInfo&) const = default;

    static constexpr InterruptionInfo make(EventType type, u8 vector, bool error_code) {
        return {valid_bit | (static_cast<u32>(type) << 8) | vector | (error_code ? error_code_bit : 0u)};
    }
    static constexpr InterruptionInfo of(const x86::Fault& fault) {
        return make(EventType::hardware_exception, static_cast<u8>(fault.vector), fault.has_error_code());
    }
};

namespace interruptibility {
inline constexpr u32 sti = 1u << 0;
inline constexpr u32 mov_ss = 1u << 1;
inline constexpr u32 smi = 1u << 2;
inline constexpr u32 nmi = 1u << 3;
inline constexpr u32 enclave = 1u << 4;
}  // namespace interruptibility

/// Debug exceptions that the guest has met but not yet been told of (SDM 3C 25.4.2, table 25-4). Bits 3:0 say
/// which breakpoints were met.
namespace pending_debug {
inline constexpr u64 enabled_breakpoint = 1u << 12;
inline constexpr u64 single_stepped = 1u << 14;
inline constexpr u64 transactional = 1u << 16;
inline constexpr u64 reserved = ~(u64{0xf} | enabled_breakpoint | single_stepped | transactional);
}  // namespace pending_debug

enum class ActivityState : u32 { active = 0, hlt = 1, shutdown = 2, wait_for_sipi = 3 };

}  // namespace kurma::vmx
