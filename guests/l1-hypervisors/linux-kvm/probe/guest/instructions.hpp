// One instruction each, for the guest of the probe, which runs at privilege level 0.
#pragma once

#include <ept/integer.hpp>

namespace kurma::probe {

inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (u64{high} << 32) | low;
}

inline void cpuid(u32 leaf) {
    u32 eax = leaf, ebx, ecx = 0, edx;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx) : : "memory");
}

inline void vmcall(u64 number) { asm volatile("vmcall" : "+a"(number) : : "memory"); }

inline u64 rdmsr(u32 msr) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (u64{high} << 32) | low;
}

inline void wrmsr(u32 msr, u64 value) {
    asm volatile("wrmsr"
                 :
                 : "c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
                 : "memory");
}

inline void out(u16 port, u8 value) { asm volatile("outb %0, %1" : : "a"(value), "d"(port) : "memory"); }

inline u8 in(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "d"(port) : "memory");
    return value;
}

inline void hlt() { asm volatile("hlt" : : : "memory"); }
inline void sti() { asm volatile("sti" : : : "memory"); }
inline void cli() { asm volatile("cli" : : : "memory"); }

inline u64 read_cr0() {
    u64 value;
    asm volatile("mov %%cr0, %0" : "=r"(value) : : "memory");
    return value;
}
inline void write_cr0(u64 value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }

inline u64 read_cr3() {
    u64 value;
    asm volatile("mov %%cr3, %0" : "=r"(value) : : "memory");
    return value;
}
inline void write_cr3(u64 value) { asm volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }

inline u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value) : : "memory");
    return value;
}
inline void write_cr4(u64 value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

inline void xsetbv(u32 index, u64 value) {
    asm volatile("xsetbv"
                 :
                 : "c"(index), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
                 : "memory");
}

}  // namespace kurma::probe
