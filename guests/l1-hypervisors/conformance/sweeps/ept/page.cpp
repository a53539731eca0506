#include "base/memory.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "sweeps/ept/ept.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {
namespace ept {
namespace {

constexpr u64 present_writable = 3, accessed = bit(5), large = bit(7);
constexpr u64 entries = 512;
constexpr u8 return_instruction = 0xC3;

// L2's linear addresses: of the page, and of memory whose tables are in the page.
constexpr u64 linear_page = u64{1} << 39, linear_walk = u64{3} << 39;

struct Table {
    alignas(page_size) u64 entry[entries];
};

Table ept_pdpt, ept_directory, ept_table;
Table l2_top, l2_pdpt, l2_directory, l2_walked_directory;
alignas(large_page_size) u8 large_memory[large_page_size];

u64 eptp() { return vmread(field::eptp); }
u64& ept_top_entry() { return at_address<u64>(eptp() & ~(page_size - 1))[page_address >> 39]; }

bool is_walk(Access access) { return access == Access::walk_read || access == Access::walk_write; }

// Beside L2's identity map: the GiB around the page, and a walk that goes through the page as its
// page-directory-pointer table.
u64 l2_tables(u64 offset) {
    const u64* const identity = at_address<const u64>(l2::page_tables());
    for (u64 i = 0; i < entries; ++i) l2_top.entry[i] = identity[i];
    l2_top.entry[linear_page >> 39] = address_of(&l2_pdpt) | present_writable | accessed;
    l2_top.entry[linear_walk >> 39] = (page_address + offset) | present_writable | accessed;
    l2_pdpt.entry[0] = address_of(&l2_directory) | present_writable | accessed;
    for (u64 i = 0; i < entries; ++i)
        l2_directory.entry[i] = (page_address + i * large_page_size) | present_writable | accessed | large;
    l2_walked_directory.entry[0] = present_writable | accessed | large;
    return address_of(&l2_top);
}

void fill_frame(Access access) {
    for (u64 i = 0; i < page_size; ++i) large_memory[i] = return_instruction;
    if (!is_walk(access)) return;
    const u64 flag = access == Access::walk_read ? accessed : 0;
    at_address<u64>(frame())[0] = address_of(&l2_walked_directory) | present_writable | flag;
}

void (*code_of(Access access))() {
    switch (access) {
        case Access::read: return &l2_read;
        case Access::write: return &l2_write;
        case Access::increment: return &l2_read_write;
        case Access::fetch: return &l2_jump;
        case Access::walk_read:
        case Access::walk_write: return &l2_read;
    }
    return &l2_nothing;
}

}  // namespace

const char* name_of(Access access) {
    constexpr const char* names[] = {"read", "write", "increment", "fetch", "walk-read", "walk-write"};
    return names[static_cast<int>(access)];
}

const char* name_of(Level level) {
    constexpr const char* names[] = {"pml4e", "pdpte", "pde", "pte"};
    return names[static_cast<int>(level)];
}

u64 frame() { return address_of(large_memory); }

u64& entry_of(Level level) {
    switch (level) {
        case Level::pml4e: return ept_top_entry();
        case Level::pdpte: return ept_pdpt.entry[0];
        case Level::pde: return ept_directory.entry[0];
        case Level::pte: break;
    }
    return ept_table.entry[0];
}

void invalidate() { invalidate_ept(eptp()); }

Vcpu& about_to(Access access, bool accessed_dirty, u64 offset) {
    constexpr u64 all = ept_entry::all;
    fill_frame(access);
    Vcpu& vcpu = fresh(code_of(access), {.accessed_dirty = accessed_dirty});
    vmwrite(field::guest_cr3, l2_tables(offset));
    vcpu.registers.rdi = is_walk(access) ? linear_walk : linear_page + offset;
    entry_of(Level::pml4e) = address_of(&ept_pdpt) | all;
    entry_of(Level::pdpte) = address_of(&ept_directory) | all;
    entry_of(Level::pde) = address_of(&ept_table) | all;
    entry_of(Level::pte) = frame() | all | ept_entry::write_back;
    invalidate();
    return vcpu;
}

void enter_and_print(const Text& name, Vcpu& vcpu) {
    constexpr u64 flags = ept_entry::accessed | ept_entry::dirty;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    text.append(" flags=");
    for (const Level level : levels) text.append((entry_of(level) & flags) >> 8);
    text.append(" rax=", hex(vcpu.registers.rax), " in-frame=", hex(*at_address<const u64>(frame())));
    print_case(topic, name, text);
}

}  // namespace ept

void sweep_ept() {
    ept::sweep_permissions();
    ept::sweep_bits();
    ept::sweep_large_pages();
    ept::sweep_changes();
}

}  // namespace conformance
