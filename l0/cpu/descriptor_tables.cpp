#include "descriptor_tables.hpp"

#include "../hw/cpu.hpp"

namespace kurma::l0 {

namespace {

constexpr usize vectors = 32;
constexpr usize stubs = 22;
extern "C" const u64 exception_stubs[stubs];

struct Gate {
    u64 low, high;
};

// Interrupt gates at DPL 0 (SDM 3A 6.14.1). L0 needs no other stack: it never runs anything less privileged.
constexpr Gate gate_to(u64 handler) {
    constexpr u64 present_interrupt_gate = 0x8e;
    return {(handler & 0xffff) | (u64{code_selector} << 16) | (present_interrupt_gate << 40) |
                (((handler >> 16) & 0xffff) << 48),
            handler >> 32};
}

alignas(16) u64 gdt[5] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0, 0};
alignas(16) Gate idt[vectors];
alignas(16) u8 tss[104];

}  // namespace

DescriptorTables load_descriptor_tables() {
    const u64 tss_base = reinterpret_cast<u64>(tss);
    constexpr u64 available_tss = 0x89;
    gdt[3] = (sizeof(tss) - 1) | ((tss_base & 0xffffff) << 16) | (available_tss << 40) |
             ((tss_base >> 24 & 0xff) << 56);
    gdt[4] = tss_base >> 32;
    for (usize i = 0; i < stubs; ++i) idt[i] = gate_to(exception_stubs[i]);
    hw::lgdt({sizeof(gdt) - 1, reinterpret_cast<u64>(gdt)});
    hw::lidt({sizeof(idt) - 1, reinterpret_cast<u64>(idt)});
    asm volatile("pushq %0\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n1:"
                 :
                 : "i"(code_selector)
                 : "rax", "memory");
    hw::ltr(tss_selector);
    return {reinterpret_cast<u64>(gdt), reinterpret_cast<u64>(idt), tss_base};
}

}  // namespace kurma::l0
