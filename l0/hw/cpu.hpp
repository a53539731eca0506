// The processor's other instructions, one wrapper each.
#pragma once

#include <ept/integer.hpp>

namespace kurma::l0::hw {

/// As the registers are after CPUID, which clears their upper halves.
struct CpuidResult {
    u64 eax, ebx, ecx, edx;
};
[[gnu::always_inline]] inline CpuidResult cpuid(u64 leaf, u64 subleaf = 0) {
    CpuidResult r{};
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

[[gnu::always_inline]] inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64{high} << 32) | low;
}

inline u64 rdmsr(u32 msr) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (u64{high} << 32) | low;
}
inline void wrmsr(u32 msr, u64 value) {
    asm volatile("wrmsr" : : "c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}

// An instruction that may fault on a value of L1's has an entry in the fix-up table: the fault resumes at
// label 2 with the carry flag set (see exceptions.cpp).
#define KURMA_FIXUP ".pushsection .fixups, \"a\"\n\t.quad 1b, 2b\n\t.popsection\n\t"

/// WRMSR that reports #GP as false.
[[nodiscard]] inline bool wrmsr_safe(u32 msr, u64 value) {
    bool faulted;
    asm volatile("clc\n1:\twrmsr\n2:\n\t" KURMA_FIXUP
                 : "=@ccc"(faulted)
                 : "c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
                 : "memory");
    return !faulted;
}
/// RDMSR that reports #GP as false.
[[nodiscard]] inline bool rdmsr_safe(u32 msr, u64& value) {
    bool faulted;
    u32 low = 0, high = 0;
    asm volatile("clc\n1:\trdmsr\n2:\n\t" KURMA_FIXUP : "=@ccc"(faulted), "+a"(low), "+d"(high) : "c"(msr));
    value = (u64{high} << 32) | low;
    return !faulted;
}
/// XSETBV that reports #GP as false.
[[nodiscard]] inline bool xsetbv_safe(u32 index, u64 value) {
    bool faulted;
    asm volatile("clc\n1:\txsetbv\n2:\n\t" KURMA_FIXUP
                 : "=@ccc"(faulted)
                 : "c"(index), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
    return !faulted;
}

inline u64 read_cr0() {
    u64 v;
    asm volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
inline void write_cr0(u64 v) { asm volatile("mov %0, %%cr0" : : "r"(v) : "memory"); }
inline void write_cr2(u64 v) { asm volatile("mov %0, %%cr2" : : "r"(v)); }
inline u64 read_cr2() {
    u64 v;
    asm volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}
inline u64 read_cr3() {
    u64 v;
    asm volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
inline u64 read_cr4() {
    u64 v;
    asm volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
inline void write_cr4(u64 v) { asm volatile("mov %0, %%cr4" : : "r"(v) : "memory"); }
inline void pause() { asm volatile("pause"); }
inline void wbinvd() { asm volatile("wbinvd" : : : "memory"); }

/// Copies one 4 KiB page.
[[gnu::always_inline]] inline void copy_page(void* to, const void* from) {
    u64 words = 512;
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

inline void zero_page(void* page) {
    u64 words = 512;
    asm volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0) : "memory");
}

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};
inline void lgdt(const TablePointer& p) { asm volatile("lgdt %0" : : "m"(p)); }
inline void lidt(const TablePointer& p) { asm volatile("lidt %0" : : "m"(p)); }
inline void ltr(u16 selector) { asm volatile("ltr %0" : : "r"(selector)); }

inline u8 inb(u16 port) {
    u8 v;
    asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
inline u16 inw(u16 port) {
    u16 v;
    asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
inline u32 inl(u16 port) {
    u32 v;
    asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
inline void outw(u16 port, u16 v) { asm volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
inline void outl(u16 port, u32 v) { asm volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

[[noreturn]] inline void halt_forever() {
    for (;;) asm volatile("cli; hlt");
}

}  // namespace kurma::l0::hw
