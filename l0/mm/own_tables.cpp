#include "own_tables.hpp"

#include "direct_map.hpp"

namespace kurma::l0::mm {

using ept::Hpa;

extern "C" {
extern const char image_start[];
extern const char image_end[];
void relocate(void* destination, u64 new_cr3);
}

namespace {

constexpr u64 present_writable = 3;
constexpr u64 large = u64{1} << 7;
constexpr u64 entries = 512;
constexpr u64 large_page = u64{2} << 20;
constexpr u64 gib = u64{1} << 30;

/// The table below an entry, made if there is none.
Hpa below(Pages& pages, Hpa table, u64 index) {
    u64& entry = at<u64>(table)[index];
    if (entry == 0) entry = must_allocate(pages).value() | present_writable;
    return Hpa{entry & ~u64{0xfff}};
}

void map_image(Pages& pages, Hpa pml4, Hpa image) {
    const u64 start = reinterpret_cast<u64>(image_start);
    for (u64 offset = 0; offset < image_bytes(); offset += 4096) {
        const u64 linear = start + offset;
        const Hpa pdpt = below(pages, pml4, linear >> 39);
        const Hpa pd = below(pages, pdpt, (linear >> 30) % entries);
        const Hpa pt = below(pages, pd, (linear >> 21) % entries);
        at<u64>(pt)[(linear >> 12) % entries] = (image + offset).value() | present_writable;
    }
}

void map_all_memory(Pages& pages, Hpa pml4, u64 top) {
    for (u64 physical = 0; physical < top; physical += gib) {
        const Hpa pdpt = below(pages, pml4, DIRECT_MAP_PML4_INDEX + (physical >> 39));
        const Hpa pd = below(pages, pdpt, (physical >> 30) % entries);
        for (u64 i = 0; i < entries; ++i)
            at<u64>(pd)[i] = (physical + i * large_page) | present_writable | large;
    }
}

}  // namespace

u64 image_bytes() { return static_cast<u64>(image_end - image_start); }

void move_to(const Reserved& reserved, const MemoryMap& map, Pages& pages) {
    const Hpa image = reserved.base;
    pages.init((image + image_bytes() + 4095).page(), reserved.base + reserved.size);
    const Hpa pml4 = must_allocate(pages);
    map_image(pages, pml4, image);
    map_all_memory(pages, pml4, map.top() > four_gib ? map.top() : four_gib);
    relocate(at<void>(image), pml4.value());
}

}  // namespace kurma::l0::mm
