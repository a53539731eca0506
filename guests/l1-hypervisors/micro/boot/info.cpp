#include "boot/info.hpp"

#include "base/memory.hpp"
#include "console/console.hpp"

namespace micro {

using namespace kit;
namespace {

using namespace multiboot;

const Information* remembered;

void print_modules(const Information& information) {
    const u32 count = (information.flags & has_modules) != 0 ? information.module_count : 0;
    print("info modules=", count, "\n");
    const auto* const modules = at_address<const Module>(information.modules);
    for (u32 i = 0; i < count; ++i) {
        const Module& module = modules[i];
        const char* const text = module.text != 0 ? at_address<const char>(module.text) : "";
        print("info module=", i, " start=", hex(module.begin), " size=", module.end - module.begin,
              " first=\"");
        constexpr u32 shown = 24;
        for (u32 at = module.begin; at < module.end && at < module.begin + shown; ++at) {
            const char character = *at_address<const char>(at);
            put(character >= ' ' && character <= '~' && character != '"' ? character : '.');
        }
        print("\" text=", text, "\n");
    }
}

template <typename Body>
void for_each_range(const Information& information, Body body) {
    if ((information.flags & has_memory_map) == 0) return;
    const u64 end = u64{information.memory_map} + information.memory_map_bytes;
    for (u64 at = information.memory_map; at < end;) {
        const MemoryRange range = *at_address<const MemoryRange>(at);
        body(range);
        at += range.size + sizeof range.size;
    }
}

void print_memory_map(const Information& information) {
    if ((information.flags & has_memory) != 0) {
        print("info memory lower-kib=", information.memory_lower_kib,
              " upper-kib=", information.memory_upper_kib, "\n");
    }
    if ((information.flags & has_memory_map) == 0) print("info memory-map absent\n");
    for_each_range(information, [](const MemoryRange& range) {
        const u64 base = range.base, size = range.bytes;
        print("info memory base=", hex(base), " size=", hex(size), " type=", u32{range.type}, "\n");
    });
}

}  // namespace

void remember_boot_information(const Information& information) { remembered = &information; }

u64 usable_ranges_touching(u64 base, u64 size) {
    constexpr u32 usable = 1;
    u64 count = 0;
    for_each_range(*remembered, [&](const MemoryRange& range) {
        if (range.type == usable && range.base < base + size && base < range.base + range.bytes) ++count;
    });
    return count;
}

void print_boot_information(const Information& information) {
    print("info flags=", hex(information.flags), "\n");
    const bool has_name = (information.flags & has_loader_name) != 0;
    print("info loader=", has_name ? at_address<const char>(information.loader_name) : "", "\n");
    print_modules(information);
    print_memory_map(information);
}

}  // namespace micro
