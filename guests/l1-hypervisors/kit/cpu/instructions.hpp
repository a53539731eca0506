// One wrapper per privileged instruction (other than VMX's, which are in vmx/instructions.hpp).
#pragma once

#include "base/integer.hpp"

namespace kit {

inline u8 in8(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
inline void out8(u16 port, u8 value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
inline void out16(u16 port, u16 value) { asm volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }

inline u64 rdmsr(u32 number) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return u64{high} << 32 | low;
}
inline void wrmsr(u32 number, u64 value) {
    asm volatile("wrmsr"
                 :
                 : "c"(number), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
                 : "memory");
}

struct CpuidLeaf {
    u32 eax, ebx, ecx, edx;
};
inline CpuidLeaf cpuid(u32 leaf, u32 subleaf = 0) {
    CpuidLeaf l;
    asm volatile("cpuid" : "=a"(l.eax), "=b"(l.ebx), "=c"(l.ecx), "=d"(l.edx) : "a"(leaf), "c"(subleaf));
    return l;
}

inline u64 read_cr0() {
    u64 value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline u64 read_cr2() {
    u64 value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}
inline u64 read_cr3() {
    u64 value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
inline u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
inline void write_cr0(u64 value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }
inline void write_cr2(u64 value) { asm volatile("mov %0, %%cr2" : : "r"(value)); }
inline void write_dr0(u64 value) { asm volatile("mov %0, %%dr0" : : "r"(value)); }
inline u64 read_dr0() {
    u64 value;
    asm volatile("mov %%dr0, %0" : "=r"(value));
    return value;
}
inline void xsetbv(u32 number, u64 value) {
    asm volatile("xsetbv" : : "c"(number), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}
inline u64 xgetbv(u32 number) {
    u32 low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(number));
    return u64{high} << 32 | low;
}
inline void write_cr3(u64 value) { asm volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }
inline void write_cr4(u64 value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

inline u64 read_dr7() {
    u64 value;
    asm volatile("mov %%dr7, %0" : "=r"(value));
    return value;
}
inline u64 read_rflags() {
    u64 value;
    asm volatile("pushfq\n pop %0" : "=r"(value));
    return value;
}

inline void invlpg(u64 address) { asm volatile("invlpg (%0)" : : "r"(address) : "memory"); }
inline void disable_interrupts() { asm volatile("cli" : : : "memory"); }
inline void enable_interrupts() { asm volatile("sti" : : : "memory"); }
inline void halt() { asm volatile("hlt" : : : "memory"); }
inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return u64{high} << 32 | low;
}

// Control-register bits and registers that are named here (SDM 3A 2.5, SDM 4 table 2-2).
inline constexpr u64 cr0_ts = bit(3), cr0_ne = bit(5);
inline constexpr u64 cr4_tsd = bit(2), cr4_de = bit(3), cr4_pge = bit(7), cr4_vmxe = bit(13),
                     cr4_osxsave = bit(18);
inline constexpr u64 rflags_reserved1 = bit(1), rflags_cf = bit(0), rflags_zf = bit(6), rflags_if = bit(9);
inline constexpr u64 rflags_arithmetic = bit(0) | bit(2) | bit(4) | bit(6) | bit(7) | bit(11);
inline constexpr u32 msr_feature_control = 0x3A, msr_sysenter_cs = 0x174, msr_sysenter_esp = 0x175,
                     msr_sysenter_eip = 0x176;
inline constexpr u32 msr_efer = 0xC0000080, msr_fs_base = 0xC0000100, msr_gs_base = 0xC0000101;
inline constexpr u32 msr_kernel_gs_base = 0xC0000102, msr_star = 0xC0000081;

}  // namespace kit
