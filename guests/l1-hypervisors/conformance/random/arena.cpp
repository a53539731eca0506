#include "random/arena.hpp"

#include "cpu/instructions.hpp"
#include "cpu/power.hpp"
#include "random/chance.hpp"
#include "random/host.hpp"
#include "vcpu/ept.hpp"
#include "vmx/operation.hpp"

namespace conformance::random {

constinit Arena arena = {};

namespace {

constexpr u8 vmcall_bytes[] = {0x0F, 0x01, 0xC1};
constexpr u64 instruction_room = 48;  // a multiple of VMCALL's length

// Set from the start, so that the processor never has to write a table.
constexpr u64 page_flags = bit(0) | bit(1) | bit(2) | bit(5) | bit(6);
constexpr u64 present = bit(0);

constexpr u64 page_count = 512;
constexpr unsigned page_shift = 12, directory_shift = 21;

struct Mapping {
    u64 linear;
    const Page* page;
};
const Mapping mappings[] = {
    {at::code, &arena.code},
    {at::handlers, &arena.handlers},
    {at::stack, &arena.stack},
    {at::data, &arena.data},
    {at::ring0_stack, &arena.ring0_stack},
    {at::gdt, &arena.gdt},
    {at::idt64, &arena.idt64},
    {at::idt32, &arena.idt32},
    {at::vectors, &arena.vectors},
    {at::task, &arena.task},
};

void fill_with_vmcalls(u8* bytes, u64 count) {
    for (u64 i = 0; i < count; ++i) bytes[i] = vmcall_bytes[i % sizeof vmcall_bytes];
}

u32* half_words(Table& table) { return at_address<u32>(table.address()); }

void build_page_tables() {
    arena.pml4.entry[0] = arena.pdpt.address() | page_flags;
    arena.pdpt.entry[0] = arena.directory.address() | page_flags;
    arena.directory.entry[0] = arena.pages.address() | page_flags;
    arena.pae_pdpt.entry[0] = arena.directory.address() | present;
    half_words(arena.directory32)[0] = static_cast<u32>(arena.pages32.address() | page_flags);
    for (const Mapping& mapping : mappings) {
        const u64 entry = mapping.page->address() | page_flags;
        arena.pages.entry[mapping.linear >> page_shift] = entry;
        half_words(arena.pages32)[mapping.linear >> page_shift] = static_cast<u32>(entry);
    }
}

void map_in_ept(u64 guest_physical, u64 page) {
    if (guest_physical >> directory_shift >= sizeof arena.ept_pages / sizeof arena.ept_pages[0])
        give_up("the arena lies too high");
    ept_leaf_of(guest_physical) = page | ept_entry::all | ept_entry::write_back;
}

// Everything of the arena where it is (L2's page tables name such addresses), and the mapped pages once more
// at their linear addresses, for L2s without paging.
void build_ept() {
    arena.ept_top.entry[0] = arena.other_ept_top.entry[0] = arena.ept_pdpt.address() | ept_entry::all;
    arena.ept_pdpt.entry[0] = arena.ept_directory.address() | ept_entry::all;
    u64 directory_entry = 0;
    for (const Table& table : arena.ept_pages)
        arena.ept_directory.entry[directory_entry++] = table.address() | ept_entry::all;
    for (u64 page = address_of(&arena); page < address_of(&arena) + sizeof arena; page += page_size)
        map_in_ept(page, page);
    for (const Mapping& mapping : mappings) map_in_ept(mapping.linear, mapping.page->address());
}

constexpr u64 descriptor(u64 base, u64 limit, u64 access) {
    return (limit & 0xFFFF) | (base & 0xFFFFFF) << 16 | (access & 0xFF) << 40 | (limit >> 16 & 0xF) << 48 |
           (access >> 12 & 0xF) << 52 | (base >> 24 & 0xFF) << 56;
}

void build_gdt() {
    constexpr u64 flat = 0xFFFFF, real_limit = 0xFFFF, task_limit = 0x67;
    u64* const gdt = at_address<u64>(arena.gdt.address());
    gdt[l2_selector::code64 / 8] = descriptor(0, flat, 0xA09B);
    gdt[l2_selector::data / 8] = descriptor(0, flat, 0xC093);
    gdt[l2_selector::user_data / 8] = descriptor(0, flat, 0xC0F3);
    gdt[l2_selector::user_code64 / 8] = descriptor(0, flat, 0xA0FB);
    gdt[l2_selector::task / 8] = descriptor(at::task, task_limit, 0x8B);
    gdt[l2_selector::code32 / 8] = descriptor(0, flat, 0xC09B);
    gdt[l2_selector::user_code32 / 8] = descriptor(0, flat, 0xC0FB);
    gdt[l2_selector::code16 / 8] = descriptor(at::code, real_limit, 0x009B);
    gdt[l2_selector::data16 / 8] = descriptor(at::data, real_limit, 0x0093);
    gdt[l2_selector::local / 8] = descriptor(at::gdt, real_limit, 0x0082);
}

// Every vector has its own address among the handlers, so that guest RIP tells which was delivered.
constexpr u64 handler_of(u64 vector) { return at::handlers + vector * 12; }

void build_interrupt_tables() {
    constexpr u64 vectors = 256, interrupt_gate = 0xEE, real_segment = at::handlers >> 4;
    u64* const idt64 = at_address<u64>(arena.idt64.address());
    u64* const idt32 = at_address<u64>(arena.idt32.address());
    u32* const real = at_address<u32>(arena.vectors.address());
    for (u64 vector = 0; vector < vectors; ++vector) {
        const u64 handler = handler_of(vector);
        const u64 gate = (handler & 0xFFFF) | interrupt_gate << 40 | (handler >> 16 & 0xFFFF) << 48;
        idt64[2 * vector] = gate | u64{l2_selector::code64} << 16;
        idt32[vector] = gate | u64{l2_selector::code32} << 16;
        real[vector] = static_cast<u32>(real_segment << 16 | (handler - at::handlers));
    }
}

// One page is a 64-bit and a 32-bit task-state segment at once: RSP0 is at offset 4 in both, and SS0 of the
// 32-bit one would be RSP0's high half. So the 32-bit one is a second one, in the upper half of the page.
void build_tasks() {
    const u64 top = at::ring0_stack + at::stack_start;
    u32* const task = at_address<u32>(arena.task.address());
    constexpr usize rsp0 = 1, esp0 = 1, ss0 = 2, second = 0x800 / sizeof(u32);
    task[rsp0] = static_cast<u32>(top);
    task[second + esp0] = static_cast<u32>(top);
    task[second + ss0] = l2_selector::data;
}

void build_regions() {
    for (u8& byte : arena.ones.bytes) byte = 0xFF;
    for (usize i = 0; i < sizeof arena.mixed.bytes; ++i)
        arena.mixed.bytes[i] = static_cast<u8>(i * 0x35 ^ i >> 3);
    arena.eptp_list.entry[0] = ept_pointer();
    arena.eptp_list.entry[1] = (ept_pointer() & (page_size - 1)) | arena.other_ept_top.address();
    arena.eptp_list.entry[2] = ept_pointer() | bit(8);  // a reserved bit
    arena.link.entry[0] = vmcs_revision();
    arena.other_revision.entry[0] = vmcs_revision() ^ 1;
}

struct MsrEntry {
    u64 number, value;
};
template <usize count>
void build_msr_list(Table& table, const MsrEntry (&list)[count]) {
    usize word = 0;
    for (const MsrEntry& entry : list) {
        table.entry[word++] = entry.number;
        table.entry[word++] = entry.value;
    }
}

// The last entry of the list for VM entry is one that must not be loaded. Those for VM exit must all succeed:
// a VM abort is the end of the processor.
void build_msr_lists() {
    build_msr_list(arena.entry_msrs, {{msr_kernel_gs_base, 0x1234},
                                      {msr_sysenter_eip, at::handlers},
                                      {msr_star, 0x0010000800000000},
                                      {msr_lstar, at::handlers},
                                      {msr_cstar, at::handlers},
                                      {msr_sfmask, 0x200},
                                      {msr_sysenter_esp, at::ring0_stack},
                                      {msr_sysenter_cs, 0x10},
                                      {msr_fs_base, 0}});
    build_msr_list(
        arena.exit_msrs,
        {{msr_kernel_gs_base, 0xFFFF800000000000}, {msr_sfmask, 0x4700}, {msr_star, 0x1122334400000000}});
    build_msr_list(arena.stored_msrs,
                   {{msr_kernel_gs_base, 0}, {msr_efer, 0}, {msr_sysenter_cs, 0}, {msr_pat, 0}});
}

void clear(u64 page) {
    u64 words = page_size / sizeof(u64);
    asm volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0) : "memory");
}

constexpr u64 ept_flags = ept_entry::accessed | ept_entry::dirty;

template <typename Action>
void for_each_ept_entry(Action action) {
    action(arena.ept_top.entry[0]);
    action(arena.other_ept_top.entry[0]);
    action(arena.ept_pdpt.entry[0]);
    for (usize i = 0; i < sizeof arena.ept_pages / sizeof arena.ept_pages[0]; ++i)
        action(arena.ept_directory.entry[i]);
    for (const Mapping& mapping : mappings) action(ept_leaf_of(mapping.linear));
    for (u64 page = address_of(&arena); page < address_of(&arena) + sizeof arena; page += page_size)
        action(ept_leaf_of(page));
}

}  // namespace

u64& ept_leaf_of(u64 guest_physical) {
    return arena.ept_pages[guest_physical >> directory_shift]
        .entry[guest_physical >> page_shift & (page_count - 1)];
}

void build_arena() {
    fill_with_vmcalls(arena.code.bytes, page_size);
    fill_with_vmcalls(arena.handlers.bytes, page_size);
    build_page_tables();
    build_ept();
    build_gdt();
    build_interrupt_tables();
    build_tasks();
    build_regions();
    build_msr_lists();
}

void clean_arena() {
    for (const u64 page : {arena.stack.address(), arena.ring0_stack.address(), arena.data.address(),
                           arena.virtual_apic.address(), arena.page_log.address()})
        clear(page);
    // MOV to CR8 writes to whichever page was the virtual-APIC page.
    at_address<u64>(arena.zeroes.address())[task_priority_word] = 0;
    at_address<u64>(arena.ones.address())[task_priority_word] = ~u64{0};
    // A PAE L2 of which CR4.PAE was taken reads this as a 32-bit directory and sets the accessed flag.
    arena.pae_pdpt.entry[0] = arena.directory.address() | present;
    for (usize word = 1; word < 8; word += 2) arena.stored_msrs.entry[word] = 0;
    for (usize word = 0; word < ve_words; ++word) arena.ve_information.entry[word] = 0;
}

u64 sum_of_ept_flags() {
    u64 sum = 0, place = 0;
    for_each_ept_entry([&](u64& entry) { sum += (entry & ept_flags) * mixed(++place); });
    return sum;
}

void clear_ept_flags() {
    for_each_ept_entry([](u64& entry) { entry &= ~ept_flags; });
}

void place_instruction(const u8* bytes, usize count) {
    u8* const entry = &arena.code.bytes[at::entry];
    for (usize i = 0; i < count; ++i) entry[i] = bytes[i];
    fill_with_vmcalls(entry + count, instruction_room);
}

u64 ept_pointer() {
    constexpr u64 write_back = 6, four_levels = 3 << 3;
    return arena.ept_top.address() | write_back | four_levels;
}

}  // namespace conformance::random
