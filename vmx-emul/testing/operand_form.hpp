// The VM-exit instruction-information word (SDM 3C 28.2.5, tables 28-13 and 28-14), put together bit by bit.
#pragma once

#include <optional>
#include <vmx/instruction.hpp>

namespace kurma::vmx::testing {

/// Register numbers as the word encodes them.
namespace gpr {
inline constexpr unsigned rax = 0, rcx = 1, rdx = 2, rbx = 3, rsp = 4, rbp = 5, rsi = 6, rdi = 7, r8 = 8,
                          r15 = 15;
}  // namespace gpr

enum class AddressSize : u8 { bits16 = 0, bits32 = 1, bits64 = 2 };

struct OperandForm {
    AddressSize address_size = AddressSize::bits64;
    SegmentIndex segment = SegmentIndex::ds;
    std::optional<unsigned> base{}, index{};
    unsigned scale = 0;
    /// VMREAD, VMWRITE: the register operand that takes the place of memory.
    std::optional<unsigned> register1{};
    /// VMREAD, VMWRITE: the register that holds the encoding; INVEPT, INVVPID: the type.
    unsigned register2 = 0;

    [[nodiscard]] constexpr u32 raw() const {
        u32 word = scale & 3;
        if (register1) word |= *register1 << 3 | 1u << 10;
        word |= static_cast<u32>(address_size) << 7;
        word |= static_cast<u32>(segment) << 15;
        word |= index ? *index << 18 : 1u << 22;
        word |= base ? *base << 23 : 1u << 27;
        return word | register2 << 28;
    }
};

}  // namespace kurma::vmx::testing
