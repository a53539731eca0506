#include "base/memory.hpp"
#include "cpu/segments.hpp"
#include "l2/l2.hpp"

namespace kit {

extern "C" {
extern const u8 l2_entries[256][16];
extern volatile l2::Delivery l2_delivery;
}

namespace {

constexpr u64 present_writable = 3, large = bit(7);
constexpr u64 entries = 512, directories = 4;
constexpr u64 interrupt_gate = 0x8E;

struct Gate {
    u64 low, high;
};

alignas(page_size) u64 pml4[entries];
alignas(page_size) u64 pdpt[entries];
alignas(page_size) u64 directory[directories * entries];
alignas(16) Gate idt[256];

}  // namespace

u64 l2::page_tables() {
    pml4[0] = address_of(pdpt) | present_writable;
    for (u64 i = 0; i < directories; ++i) pdpt[i] = address_of(&directory[i * entries]) | present_writable;
    for (u64 i = 0; i < directories * entries; ++i)
        directory[i] = i * large_page_size | present_writable | large;
    return address_of(pml4);
}

u64 l2::idt_base() {
    for (unsigned vector = 0; vector < 256; ++vector) {
        const u64 offset = address_of(l2_entries[vector]);
        idt[vector].low =
            (offset & 0xFFFF) | u64{kernel_code} << 16 | interrupt_gate << 40 | (offset >> 16 & 0xFFFF) << 48;
        idt[vector].high = offset >> 32;
    }
    return address_of(idt);
}

u16 l2::idt_limit() { return sizeof idt - 1; }

volatile l2::Delivery& l2::delivery() { return l2_delivery; }

}  // namespace kit
