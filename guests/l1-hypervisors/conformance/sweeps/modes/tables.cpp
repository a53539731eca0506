#include "base/memory.hpp"
#include "l2/l2.hpp"
#include "sweeps/modes/modes.hpp"

namespace conformance::modes {

extern "C" {
extern u8 modes_segment[segment_size];
extern const u8 mode_handler16[], mode_handler32[], mode_handler64[];
}

namespace {

constexpr u64 present = bit(0), writable = bit(1), user = bit(2), large = bit(7);
constexpr u64 all_rights = present | writable | user;
constexpr u64 entries32 = 1024, entries64 = 512, directory_size = 4 << 20;

struct Table32 {
    alignas(page_size) u32 entry[entries32];
};
struct Table64 {
    alignas(page_size) u64 entry[entries64];
};

// What is at the bottom of memory in real and virtual-8086 mode, where far transfers with selectors of
// protected mode lead: HLTs, which exit.
Page halts;
constexpr u8 hlt_instruction = 0xF4;

Table32 small_directory, small_low, small_of_segment, small_absent, large_directory;
Table64 pae_pointers, pae_directory, pae_absent;

u32 entry32(u64 value) { return static_cast<u32>(value); }

void identity(Table32& table, u64 base) {
    for (u64 i = 0; i < entries32; ++i) table.entry[i] = entry32((base + i * page_size) | all_rights);
}

// Virtual-8086 code sees the segment at 0x10000, and an absent page in it.
void show_segment_low(Table32& table, bool with_ept) {
    for (u64 offset = 0; offset < segment_size; offset += page_size)
        table.entry[(real_base + offset) / page_size] = entry32((segment_base() + offset) | all_rights);
    table.entry[0] = entry32(page_of_halts() | all_rights);
    table.entry[(real_base + real_absent_offset) / page_size] =
        with_ept ? entry32(absent_page | all_rights) : 0;
}

u64 build_small_pages(bool with_ept) {
    identity(small_low, 0);
    identity(small_of_segment, segment_base() & ~u64{directory_size - 1});
    Table32& low = segment_base() < directory_size ? small_of_segment : small_low;
    show_segment_low(low, with_ept);
    for (u32& entry : small_directory.entry) entry = 0;
    small_directory.entry[segment_base() / directory_size] =
        entry32(address_of(&small_of_segment) | all_rights);
    small_directory.entry[0] = entry32(address_of(&low) | all_rights);
    identity(small_absent, Ept::window);
    if (!with_ept)
        for (u32& entry : small_absent.entry) entry = 0;
    small_directory.entry[absent_page / directory_size] = entry32(address_of(&small_absent) | all_rights);
    return address_of(&small_directory);
}

u64 build_large_pages(bool with_ept) {
    for (u64 i = 0; i < entries32; ++i)
        large_directory.entry[i] = entry32(i * directory_size | all_rights | large);
    if (!with_ept) large_directory.entry[absent_page / directory_size] = 0;
    return address_of(&large_directory);
}

u64 build_pae(bool with_ept) {
    for (u64 i = 0; i < entries64; ++i) pae_directory.entry[i] = i * large_page_size | all_rights | large;
    pae_absent.entry[0] = with_ept ? Ept::window | all_rights | large : 0;
    for (u64& entry : pae_pointers.entry) entry = 0;
    pae_pointers.entry[0] = address_of(&pae_directory) | present;
    pae_pointers.entry[absent_page >> 30] = address_of(&pae_absent) | present;
    return address_of(&pae_pointers);
}

// Descriptors (SDM 3A figures 3-8, 6-2, 6-8, 8-3).
constexpr u64 flat_code32 = 0x00CF9B000000FFFF, flat_data = 0x00CF93000000FFFF, code64 = 0x00AF9B000000FFFF;
constexpr u64 code16_type = u64{0x9B} << 40, task_type = u64{0x89} << 40, task_gate_type = u64{0x85} << 40,
              absent_type = u64{0x13} << 40, busy = bit(41);
constexpr u8 task_gate_vector = 0x30;

constexpr u64 descriptor(u64 base, u32 limit, u64 type) {
    return (limit & 0xFFFF) | (base & 0xFFFFFF) << 16 | type | (base >> 24 & 0xFF) << 56;
}

void build_gdt() {
    u64* const gdt = &in_segment<u64>(gdt_offset);
    for (u64 i = 0; i < 16; ++i) gdt[i] = 0;
    gdt[code32_selector / 8] = flat_code32;
    gdt[data_selector / 8] = flat_data;
    gdt[code16_selector / 8] = descriptor(segment_base(), 0xFFFF, code16_type);
    gdt[code64_selector / 8] = code64;
    gdt[task_selector / 8] = descriptor(segment_base() + task_offset, task_limit, task_type | busy);
    gdt[other_task_selector / 8] = descriptor(segment_base() + other_task_offset, task_limit, task_type);
    gdt[other_task_selector / 8 + 1] = u64{other_task_selector} << 16 | task_gate_type;
    gdt[other_task_selector / 8 + 2] = absent_type;
}

// The stack for ring 0: where an interrupt of virtual-8086 mode goes. In a 64-bit task-state segment it is
// RSP0.
void build_tasks(const Mode& mode) {
    u32* const task = &in_segment<u32>(task_offset);
    for (u64 i = 0; i < 2 * 256 / sizeof(u32); ++i) task[i] = 0;
    task[1] = entry32(segment_base() + stack_offset - 0x100);
    task[2] = mode.long_mode ? 0 : data_selector;
    task[0] = other_task_selector;  // the task that IRET goes back to
}

void build_idt(const Mode& mode) {
    constexpr u64 interrupt_gate = 0xEE, vectors = 256;
    const u64 handler32 = address_of(mode_handler32), handler64 = address_of(mode_handler64);
    for (u64 vector = 0; vector < vectors; ++vector) {
        if (!mode.protected_mode) {
            in_segment<u32>(idt_offset + 4 * vector) =
                entry32((address_of(mode_handler16) - segment_base()) | real_selector << 16);
        } else if (!mode.long_mode) {
            in_segment<u64>(idt_offset + 8 * vector) = (handler32 & 0xFFFF) | u64{code32_selector} << 16 |
                                                       interrupt_gate << 40 |
                                                       (handler32 >> 16 & 0xFFFF) << 48;
        } else {
            in_segment<u64>(idt_offset + 16 * vector) = (handler64 & 0xFFFF) | u64{code64_selector} << 16 |
                                                        interrupt_gate << 40 |
                                                        (handler64 >> 16 & 0xFFFF) << 48;
            in_segment<u64>(idt_offset + 16 * vector + 8) = handler64 >> 32;
        }
    }
    if (mode.protected_mode && !mode.long_mode)
        in_segment<u64>(idt_offset + 8 * task_gate_vector) =
            u64{other_task_selector} << 16 | task_gate_type | bit(45) | bit(46);
}

}  // namespace

u64 page_of_halts() {
    for (u8& byte : halts.bytes) byte = hlt_instruction;
    return halts.address();
}

u64 segment_base() { return address_of(modes_segment); }

PagingRoots build_tables(bool with_ept) {
    return {build_small_pages(with_ept), build_large_pages(with_ept), build_pae(with_ept), l2::page_tables()};
}

u64 pae_pointer(u64 root, u64 number) { return at_address<const u64>(root)[number]; }

void build_descriptors(const Mode& mode) {
    build_gdt();
    build_tasks(mode);
    build_idt(mode);
}

}  // namespace conformance::modes
