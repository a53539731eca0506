// The structures of Multiboot 1 in memory: as L0 gets them, and as L0 gives them to a Multiboot payload.
#pragma once

#include <ept/integer.hpp>

namespace kurma::l0::boot {

namespace info_flag {
inline constexpr u32 memory = 1u << 0;
inline constexpr u32 command_line = 1u << 2;
inline constexpr u32 modules = 1u << 3;
inline constexpr u32 memory_map = 1u << 6;
inline constexpr u32 loader_name = 1u << 9;
}  // namespace info_flag

struct MultibootInfo {
    u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
    u32 syms[4];
    u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name, apm_table;
};

struct MultibootModule {
    u32 start, end, string, reserved;
};

struct [[gnu::packed]] MultibootRange {
    u32 size;  ///< of what follows
    u64 base, length;
    u32 type;
};

inline constexpr u32 header_magic = 0x1badb002;
inline constexpr u32 header_search_bytes = 8192;

struct MultibootHeader {
    u32 magic, flags, checksum;
    u32 header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};
/// Header flags that ask for what L0 can give: aligned modules, memory map. Bit 16: addresses are in the
/// header.
inline constexpr u32 header_flag_addresses = 1u << 16;
inline constexpr u32 header_flags_known = 3u | header_flag_addresses;
/// Bits 15:0 are requirements; one that is not known means that the image cannot be loaded. Video mode is one
/// of them.
inline constexpr u32 header_requirements = 0xffff;

}  // namespace kurma::l0::boot
