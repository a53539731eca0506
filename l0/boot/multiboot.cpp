#include "multiboot.hpp"

#include "../mm/direct_map.hpp"
#include "../trace/refuse.hpp"
#include "multiboot_format.hpp"

namespace kurma::l0::boot {

using ept::Hpa;

namespace {

void copy_text(Text& out, u32 address, const char* what) {
    if (address == 0) return;
    const char* const text = mm::at<const char>(Hpa{address});
    for (usize i = 0; i < Text::capacity; ++i) {
        out.text[i] = text[i];
        if (text[i] == '\0') return;
    }
    refuse("the command line of ", what, " is longer than ", u64{Text::capacity - 1}, " characters");
}

void copy_map(const MultibootInfo& info, mm::MemoryMap& map) {
    if ((info.flags & info_flag::memory_map) == 0)
        refuse("the boot loader gave no memory map; boot Kurma by GRUB or by qemu -kernel");
    for (u32 at = info.mmap_addr; at < info.mmap_addr + info.mmap_length;) {
        const MultibootRange range = *mm::at<MultibootRange>(Hpa{at});
        if (!map.add({range.base, range.length, static_cast<mm::RangeType>(range.type)}))
            refuse("the memory map has more than ", u64{mm::MemoryMap::capacity}, " ranges");
        at += range.size + static_cast<u32>(sizeof(range.size));
    }
}

}  // namespace

void read_multiboot(u32 magic, u32 info_address, BootInfo& out) {
    if (magic != multiboot_loader_magic)
        refuse("not started by a Multiboot 1 loader (magic ", log::Hex{magic},
               "); boot Kurma by GRUB's `multiboot`");
    const MultibootInfo& info = *mm::at<MultibootInfo>(Hpa{info_address});
    if ((info.flags & info_flag::command_line) != 0) copy_text(out.command_line, info.cmdline, "Kurma");
    copy_map(info, out.map);
    if ((info.flags & info_flag::modules) == 0) return;
    if (info.mods_count > BootInfo::max_modules) refuse("more than ", u64{BootInfo::max_modules}, " modules");
    const MultibootModule* const modules = mm::at<MultibootModule>(Hpa{info.mods_addr});
    for (u32 i = 0; i < info.mods_count; ++i) {
        out.modules[i].start = Hpa{modules[i].start};
        out.modules[i].size = modules[i].end - modules[i].start;
        copy_text(out.modules[i].command_line, modules[i].string, "a module");
    }
    out.module_count = info.mods_count;
}

}  // namespace kurma::l0::boot
