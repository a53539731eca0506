// L2's memory: few pages, so that L2 is out again at once wherever it starts. All code is VMCALL, which exits
// in every mode and at every privilege level; what is not mapped ends in an exit for EPT or in a page fault.
#pragma once

#include "base/memory.hpp"

namespace conformance::random {

using namespace kit;

// Where L2's pages are in its linear memory under each of its page tables, and in its physical memory under
// EPT12: below 1 MiB, so that real mode and virtual-8086 mode reach them.
namespace at {
inline constexpr u64 code = 0x10000, handlers = 0x11000, stack = 0x20000, ring0_stack = 0x22000,
                     data = 0x30000, gdt = 0x40000, idt64 = 0x41000, idt32 = 0x42000, vectors = 0x43000,
                     task = 0x44000;
inline constexpr u64 entry = 0x100;        // of the first instruction in the page of code
inline constexpr u64 stack_start = 0xF00;  // in a page of stack
inline constexpr u64 data_start = 0x100;   // in the page of data
}  // namespace at

// Selectors in L2's GDT.
namespace l2_selector {
inline constexpr u16 code64 = 0x08, data = 0x10, user_data = 0x1B, user_code64 = 0x23, task = 0x28,
                     code32 = 0x38, user_code32 = 0x43, code16 = 0x48, data16 = 0x50, local = 0x58;
}

inline constexpr usize ve_words =
    5;  // of a #VE information area (SDM 3C 26.5.7.2); the last has the EPTP index

struct alignas(page_size) Table {
    u64 entry[512];
    u64 address() const { return address_of(this); }
};

struct Arena {
    // Mapped.
    Page code, handlers, stack, ring0_stack, data, gdt, idt64, idt32, vectors, task;
    // L2's page tables: of 4 levels, PAE, and 32-bit (two entries a word).
    Table pml4, pdpt, directory, pages, pae_pdpt, directory32, pages32;
    // EPT12.
    Table ept_top, other_ept_top, ept_pdpt, ept_directory, ept_pages[4];
    // What control fields point to.
    Page zeroes, ones, mixed;
    Table eptp_list, page_log, ve_information;
    Table virtual_apic, link, other_revision;
    // Behind no bitmap: Bochs 2.7 reads on for port 0x7FFF.
    Page apic_access;
    Table entry_msrs, exit_msrs, stored_msrs;
};
extern Arena arena;

inline constexpr usize task_priority_word = 0x80 / sizeof(u64);  // in a virtual-APIC page (SDM 3C 30.1)

void build_arena();
// Puts back what L2 or the processor may have written in the case before.
void clean_arena();
// Puts `bytes` where L2 starts, with VMCALLs behind.
void place_instruction(const u8* bytes, usize count);

u64 ept_pointer();
// The entry of EPT12 for one of L2's pages.
u64& ept_leaf_of(u64 guest_physical);
inline constexpr u64 ept_flags_enabled = bit(6);  // in an EPT pointer
// Accessed and dirty flags that the processor has set in EPT12, as one number; and their end.
u64 sum_of_ept_flags();
void clear_ept_flags();

}  // namespace conformance::random
