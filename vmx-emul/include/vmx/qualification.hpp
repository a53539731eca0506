// Typed views of exit qualifications (SDM 3C 28.2.1), so that no other file knows a bit's place.
#pragma once

#include <ept/access.hpp>
#include <ept/integer.hpp>

namespace kurma::vmx {

/// MOV CR, CLTS, LMSW (table 28-3).
struct CrAccessQualification {
    enum class Kind : u8 { mov_to_cr = 0, mov_from_cr = 1, clts = 2, lmsw = 3 };
    u64 raw = 0;

    constexpr unsigned control_register() const { return raw & 0xf; }
    constexpr Kind kind() const { return static_cast<Kind>((raw >> 4) & 3); }
    constexpr unsigned gpr() const { return (raw >> 8) & 0xf; }
    constexpr u16 lmsw_source() const { return static_cast<u16>(raw >> 16); }
};

/// IN, OUT, INS, OUTS (table 28-5).
struct IoQualification {
    u64 raw = 0;

    constexpr unsigned bytes() const { return (raw & 7) + 1; }
    constexpr bool in() const { return ((raw >> 3) & 1) != 0; }
    constexpr bool string() const { return ((raw >> 4) & 1) != 0; }
    constexpr bool rep() const { return ((raw >> 5) & 1) != 0; }
    constexpr u16 port() const { return static_cast<u16>(raw >> 16); }
};

/// EPT violations (table 28-7).
struct EptViolationQualification {
    u64 raw = 0;

    static constexpr unsigned permission_shift = 3;
    static constexpr u64 permission_bits = u64{7} << permission_shift;
    static constexpr u64 linear_valid_bit = 1u << 7;
    static constexpr u64 translation_bit = 1u << 8;
    static constexpr u64 nmi_unblocking_bit = 1u << 12;

    constexpr bool read() const { return (raw & 1) != 0; }
    constexpr bool write() const { return (raw & 2) != 0; }
    constexpr bool fetch() const { return (raw & 4) != 0; }
    constexpr bool linear_valid() const { return (raw & linear_valid_bit) != 0; }
    /// Set: the access was to the translation of a linear address; clear: to a paging-structure entry.
    constexpr bool of_translation() const { return linear_valid() && (raw & translation_bit) != 0; }
    constexpr bool nmi_unblocking() const { return (raw & nmi_unblocking_bit) != 0; }
    constexpr ept::Access wanted() const { return ept::Access::from_bits(raw); }
    /// The same violation, with the rights that ept12 rather than ept02 gave in bits 5:3.
    constexpr EptViolationQualification with_permissions(ept::Access allowed) const {
        return {(raw & ~permission_bits) | (allowed.bits() << permission_shift)};
    }
};

}  // namespace kurma::vmx
