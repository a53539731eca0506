// The kinds of guest that the entry checks tell apart: each of these runs as it is.
#pragma once

#include "sweeps/checks/check.hpp"

namespace conformance::checks {

// 64-bit, and its loads of debug controls, PAT and EFER on.
extern const Start long_mode;
// 64-bit, with every feature that the processor has.
extern const Start everything;
extern const Start unrestricted;   // 64-bit, with "unrestricted guest"
extern const Start compatibility;  // IA-32e mode, 32-bit code
extern const Start pae;
extern const Start legacy;  // 32-bit paging
extern const Start flat;    // protected mode without paging: needs "unrestricted guest"
extern const Start real;    // real-address mode: needs "unrestricted guest"
extern const Start virtual8086;

extern const Start* const guests[];
extern const usize guest_count;
// Those that stand for the others where a check does not tell them apart.
extern const Start* const main_guests[];
extern const usize main_guest_count;

inline constexpr u64 cr4_pae = bit(5), cr4_pse = bit(4), cr0_pe = bit(0), cr0_pg = bit(31);
inline constexpr u64 rflags_tf = bit(8), rflags_vm = bit(17);

}  // namespace conformance::checks
