// What the EPT of a (real or offered) processor can do; the same bits decide whether an entry or an EPT
// pointer of L1's is well formed.
//
// SDM: 3D A.10 (IA32_VMX_EPT_VPID_CAP).
#pragma once

#include <ept/integer.hpp>

namespace kurma::ept {

struct Capabilities {
    bool execute_only = false;
    bool page_1g = false;
    bool page_2m = true;
    bool accessed_dirty = false;
    bool uc = true;
    bool wb = true;
    u8 physical_address_width = 36;
};

// The address bits 51:12 that lie beyond the processor's physical-address width.
constexpr u64 reserved_address_bits(const Capabilities& capabilities) {
    constexpr u64 address_bits = 0x000F'FFFF'FFFF'F000;
    return address_bits & ~((u64{1} << capabilities.physical_address_width) - 1);
}

static_assert(reserved_address_bits({.physical_address_width = 40}) == 0x000F'FF00'0000'0000);
static_assert(reserved_address_bits({.physical_address_width = 52}) == 0);

}  // namespace kurma::ept
