// CR0, CR4, EFER, DR7 and IA32_DEBUGCTL bits (SDM 3A 2.5, 2.2.1; 3B 18.2.4, 18.4.1), PDPTEs (3A 4.4.1). Words
// without behaviour.
#pragma once

#include <ept/integer.hpp>

namespace kurma::x86 {

namespace cr0 {
inline constexpr u64 pe = 1u << 0;
inline constexpr u64 mp = 1u << 1;
inline constexpr u64 em = 1u << 2;
inline constexpr u64 ts = 1u << 3;
inline constexpr u64 et = 1u << 4;
inline constexpr u64 ne = 1u << 5;
inline constexpr u64 wp = 1u << 16;
inline constexpr u64 am = 1u << 18;
inline constexpr u64 nw = 1u << 29;
inline constexpr u64 cd = 1u << 30;
inline constexpr u64 pg = 1u << 31;
}  // namespace cr0

namespace cr4 {
inline constexpr u64 pse = 1u << 4;
inline constexpr u64 pae = 1u << 5;
inline constexpr u64 pge = 1u << 7;
inline constexpr u64 osfxsr = 1u << 9;
inline constexpr u64 la57 = 1u << 12;
inline constexpr u64 vmxe = 1u << 13;
inline constexpr u64 pcide = 1u << 17;
inline constexpr u64 osxsave = 1u << 18;
inline constexpr u64 smep = 1u << 20;
inline constexpr u64 smap = 1u << 21;
inline constexpr u64 pke = 1u << 22;
inline constexpr u64 cet = 1u << 23;
}  // namespace cr4

namespace efer {
inline constexpr u64 sce = 1u << 0;
inline constexpr u64 lme = 1u << 8;
inline constexpr u64 lma = 1u << 10;
inline constexpr u64 nxe = 1u << 11;
inline constexpr u64 defined = sce | lme | lma | nxe;
}  // namespace efer

namespace dr7 {
inline constexpr u64 after_reset = 0x400;
inline constexpr u64 reserved_high = 0xffff'ffff'0000'0000;
}  // namespace dr7

namespace debugctl {
inline constexpr u64 btf = 1u << 1;
/// Every bit that the manual defines for some processor: 0 to 2 and 6 to 15.
inline constexpr u64 defined = 0xffc7;
}  // namespace debugctl

/// A page-directory-pointer-table entry of PAE paging.
namespace pdpte {
inline constexpr u64 present = 1u << 0;

/// Whether MOV to CR3 accepts the entry: what a present one must leave 0 is bits 2:1, 8:5, and the address
/// bits beyond the width (table 4-8).
constexpr bool valid(u64 entry, u8 physical_address_width) {
    const u64 reserved = 0x1e6 | ~((u64{1} << physical_address_width) - 1);
    return (entry & present) == 0 || (entry & reserved) == 0;
}
}  // namespace pdpte

/// Whether VMX operation allows a value of CR0 or CR4, by the MSRs that fix bits to 1 and to 0 (SDM 3C 24.8,
/// 3D A.7, A.8).
constexpr bool fixed_bits_allow(u64 value, u64 fixed0, u64 fixed1) {
    return (value & fixed0) == fixed0 && (value & ~fixed1) == 0;
}

/// Values of the IA32_PAT entries that WRMSR accepts (SDM 3A 12.12.2).
constexpr bool valid_pat(u64 pat) {
    for (unsigned i = 0; i < 8; ++i) {
        const u64 type = (pat >> (8 * i)) & 0xff;
        if (type > 7 || type == 2 || type == 3) return false;
    }
    return true;
}

/// Whether bits 63:47 are all equal: an address that 4-level paging can hold (SDM 1 3.3.7.1).
constexpr bool canonical(u64 address) {
    const i64 high = static_cast<i64>(address) >> 47;
    return high == 0 || high == -1;
}

/// Whether bits 63:48 are all equal: what VM entry asks of a 64-bit guest's RIP, which may be the first
/// address that is not canonical (SDM 3C 27.3.1.4).
constexpr bool sign_extended_48(u64 address) {
    const i64 high = static_cast<i64>(address) >> 48;
    return high == 0 || high == -1;
}

}  // namespace kurma::x86
