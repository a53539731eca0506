// The VMX instructions of the real processor, one wrapper each (SDM 3C 31.3). L0's own use of them never
// fails: a failure is a broken invariant, and ends in an UD2 out of line, whose address tells which of them
// it was. VMREAD and VMWRITE, of which a turn has dozens, do not look: they could fail only for want of a
// current VMCS, which CurrentVmcs proves (cpu/vmcs.hpp), or of the field, for which the processor has been
// asked (has_field).
#pragma once

#include <ept/address.hpp>

namespace kurma::l0::hw {

// The section is one that no code of the compiler's goes to: in a function of that very section the UD2 would
// stand in line.
#define KURMA_MUST_SUCCEED \
    "\n\tjbe 1f\n\t.pushsection .text.vmx_failed, \"ax\", @progbits\n1:\tud2\n\t.popsection"

[[gnu::always_inline]] inline u64 vmread(u64 encoding) {
    u64 value;
    asm volatile("vmread %1, %0" : "=r"(value) : "r"(encoding) : "cc");
    return value;
}
/// Whether the processor has a field; the only VMREAD that may fail.
inline bool has_field(u64 encoding) {
    u64 value;
    bool success;
    asm volatile("vmread %2, %0" : "=r"(value), "=@cca"(success) : "r"(encoding));
    return success;
}
[[gnu::always_inline]] inline void vmwrite(u64 encoding, u64 value) {
    asm volatile("vmwrite %0, %1" : : "r"(value), "r"(encoding) : "cc");
}
[[gnu::always_inline]] inline void vmptrld(ept::Hpa vmcs) {
    const u64 pointer = vmcs.value();
    asm volatile("vmptrld %0" KURMA_MUST_SUCCEED : : "m"(pointer) : "cc", "memory");
}
/// The same of an address where it stands in memory.
[[gnu::always_inline]] inline void vmptrld_in(const ept::Hpa& vmcs) {
    asm volatile("vmptrld %0" KURMA_MUST_SUCCEED : : "m"(vmcs) : "cc", "memory");
}
inline void vmclear(ept::Hpa vmcs) {
    const u64 pointer = vmcs.value();
    asm volatile("vmclear %0" KURMA_MUST_SUCCEED : : "m"(pointer) : "cc", "memory");
}
inline void vmxon(ept::Hpa region) {
    const u64 pointer = region.value();
    asm volatile("vmxon %0" KURMA_MUST_SUCCEED : : "m"(pointer) : "cc", "memory");
}

struct Descriptor128 {
    u64 low = 0, high = 0;
};
inline constexpr u64 single_context = 1;
inline constexpr u64 all_contexts = 2;

inline void invept(u64 type, const Descriptor128& descriptor) {
    asm volatile("invept %0, %1" KURMA_MUST_SUCCEED : : "m"(descriptor), "r"(type) : "cc", "memory");
}
inline void invvpid(u64 type, const Descriptor128& descriptor) {
    asm volatile("invvpid %0, %1" KURMA_MUST_SUCCEED : : "m"(descriptor), "r"(type) : "cc", "memory");
}

}  // namespace kurma::l0::hw
