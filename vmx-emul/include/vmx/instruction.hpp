// The VM-exit instruction-information field of VMX instructions (SDM 3C 28.2.5, tables 28-13 and 28-14).
#pragma once

#include <ept/integer.hpp>

namespace kurma::vmx {

/// Segment registers in the order of that field.
enum class SegmentIndex : u8 { es = 0, cs = 1, ss = 2, ds = 3, fs = 4, gs = 5 };

struct InstructionInfo {
    u32 raw = 0;

    constexpr unsigned scale() const { return raw & 3; }
    /// VMREAD, VMWRITE: the register operand that is not the field's encoding.
    constexpr unsigned register1() const { return (raw >> 3) & 0xf; }
    /// 0: 16 bits, 1: 32 bits, 2: 64 bits.
    constexpr unsigned address_size() const { return (raw >> 7) & 7; }
    constexpr bool register_operand() const { return ((raw >> 10) & 1) != 0; }
    constexpr SegmentIndex segment() const { return static_cast<SegmentIndex>((raw >> 15) & 7); }
    constexpr unsigned index_register() const { return (raw >> 18) & 0xf; }
    constexpr bool has_index() const { return ((raw >> 22) & 1) == 0; }
    constexpr unsigned base_register() const { return (raw >> 23) & 0xf; }
    constexpr bool has_base() const { return ((raw >> 27) & 1) == 0; }
    /// VMREAD, VMWRITE: the field's encoding. INVEPT, INVVPID: the type.
    constexpr unsigned register2() const { return (raw >> 28) & 0xf; }

    constexpr u64 address_mask() const {
        return address_size() == 0 ? 0xffff : address_size() == 1 ? 0xffffffff : ~u64{0};
    }
};

}  // namespace kurma::vmx
