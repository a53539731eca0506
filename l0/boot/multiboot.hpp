// What a Multiboot 1 loader hands over, copied out of its way.
//
// In:    the structures of the Multiboot specification 0.6.96, section 3.3, wherever the loader put them.
// Out:   command line, modules, memory map, in L0's own memory.
#pragma once

#include <array>
#include <ept/address.hpp>
#include <string_view>

#include "../mm/memory_map.hpp"

namespace kurma::l0::boot {

inline constexpr u32 multiboot_loader_magic = 0x2badb002;

struct Text {
    static constexpr usize capacity = 2048;
    std::array<char, capacity> text{};
    std::string_view view() const { return {text.data()}; }
};

struct Module {
    ept::Hpa start{0};
    u64 size = 0;
    Text command_line{};
};

struct BootInfo {
    static constexpr usize max_modules = 16;

    Text command_line{};
    mm::MemoryMap map{};
    std::array<Module, max_modules> modules{};
    usize module_count = 0;
};

/// Copies everything; ends the run with one line where something is missing or does not fit.
void read_multiboot(u32 magic, u32 info, BootInfo& out);

}  // namespace kurma::l0::boot
