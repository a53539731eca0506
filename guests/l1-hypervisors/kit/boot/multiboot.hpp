// The Multiboot 1 information structure, as far as it is read here (Multiboot Specification 0.6.96,
// section 3.3).
#pragma once

#include "base/integer.hpp"

namespace kit::multiboot {

inline constexpr u32 loader_magic = 0x2BADB002;

enum Flag : u32 {
    has_memory = 1 << 0,
    has_command_line = 1 << 2,
    has_modules = 1 << 3,
    has_memory_map = 1 << 6,
    has_loader_name = 1 << 9,
};

struct Information {
    u32 flags;
    u32 memory_lower_kib, memory_upper_kib;
    u32 boot_device;
    u32 command_line;
    u32 module_count, modules;
    u32 symbols[4];
    u32 memory_map_bytes, memory_map;
    u32 drives_bytes, drives;
    u32 configuration_table;
    u32 loader_name;
};
static_assert(sizeof(Information) == 68);

struct Module {
    u32 begin, end, text, reserved;
};

struct [[gnu::packed]] MemoryRange {
    u32 size;  // of the rest of the entry
    u64 base, bytes;
    u32 type;  // 1 = usable
};

}  // namespace kit::multiboot
