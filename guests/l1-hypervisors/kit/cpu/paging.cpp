#include "cpu/paging.hpp"

#include "base/memory.hpp"
#include "cpu/instructions.hpp"

namespace kit {

extern "C" u64 identity_pml4[512];

namespace {

constexpr u64 present = bit(0), writable = bit(1), user = bit(2);

alignas(page_size) u64 window_pdpt[512];
alignas(page_size) u64 window_pd[512];
alignas(page_size) u64 window_pt[512];

void set(u64 number, u64 entry) {
    window_pt[number] = entry;
    invlpg(window::page(number));
}

}  // namespace

void window::open() {
    identity_pml4[base >> 39] = address_of(window_pdpt) | present | writable | user;
    window_pdpt[0] = address_of(window_pd) | present | writable | user;
    window_pd[0] = address_of(window_pt) | present | writable | user;
}

void window::map(u64 number, u64 physical) { set(number, physical | present | writable | user); }
void window::map_read_only(u64 number, u64 physical) { set(number, physical | present | user); }
void window::unmap(u64 number) { set(number, 0); }

}  // namespace kit
