// Linux by its 32-bit boot protocol (Documentation/x86/boot.rst of the kernel's sources, protocol 2.06 and
// later).
#include "../mm/direct_map.hpp"
#include "../trace/refuse.hpp"
#include "payload.hpp"

namespace kurma::l0::l1vm {

using boot::BootInfo;
using boot::Module;
using ept::Hpa;

namespace {

// Offsets in the kernel's first sectors and, alike, in the boot parameters ("zero page").
constexpr u32 setup_sectors_at = 0x1f1, paragraphs_at = 0x1f4, header_magic_at = 0x202, version_at = 0x206,
              setup_start = 0x1f1;
constexpr u32 header_jump_at = 0x201, loader_type_at = 0x210, load_flags_at = 0x211, ramdisk_image_at = 0x218,
              ramdisk_size_at = 0x21c, command_line_at = 0x228, ramdisk_max_at = 0x22c,
              kernel_alignment_at = 0x230, command_line_size_at = 0x238, preferred_address_at = 0x258,
              init_size_at = 0x260;
constexpr u32 e820_count_at = 0x1e8, e820_table_at = 0x2d0;
constexpr u32 header_magic = 0x53726448;  // "HdrS"
constexpr u16 needed_version = 0x020a;
constexpr u8 undefined_loader = 0xff;
constexpr u32 sector = 512, paragraph = 16;

// Where the parameters go: memory below 640 KiB that no firmware uses.
constexpr u64 parameters_address = 0x10000, command_line_address = 0x20000;
constexpr u16 boot_code_selector = 0x10, boot_data_selector = 0x18;

struct [[gnu::packed]] E820Entry {
    u64 base, size;
    u32 type;
};
constexpr usize e820_capacity = 128;

template <class T>
T field(Hpa base, u32 offset) {
    T value;
    __builtin_memcpy(&value, mm::at<void>(base + offset), sizeof(T));
    return value;
}
template <class T>
void set_field(Hpa base, u32 offset, T value) {
    __builtin_memcpy(mm::at<void>(base + offset), &value, sizeof(T));
}

/// Joins the further modules into one initial RAM disk: cpio archives follow each other, each padded to four
/// bytes.
Module join_ramdisks(BootInfo& info) {
    if (info.module_count < 2) return {};
    Module joined = info.modules[1];
    for (usize i = 2; i < info.module_count; ++i) {
        const Module& next = info.modules[i];
        const u64 at = (joined.size + 3) & ~u64{3};
        for (u64 pad = joined.size; pad < at; ++pad) *mm::at<u8>(joined.start + pad) = 0;
        __builtin_memmove(mm::at<void>(joined.start + at), mm::at<void>(next.start), next.size);
        joined.size = at + next.size;
    }
    return joined;
}

void write_e820(Hpa parameters, const mm::MemoryMap& map) {
    u8 count = 0;
    for (const mm::Range& range : map) {
        if (count == e820_capacity || range.size == 0) break;
        const E820Entry entry{range.base, range.size, static_cast<u32>(range.type)};
        set_field(parameters, static_cast<u32>(e820_table_at + count * sizeof(E820Entry)), entry);
        ++count;
    }
    set_field(parameters, e820_count_at, count);
}

void write_parameters(const BootInfo& info, const Module& kernel, const Module& ramdisk) {
    const Hpa parameters{parameters_address};
    __builtin_memset(mm::at<void>(parameters), 0, 4096);
    const u32 header_end = header_magic_at + field<u8>(kernel.start, header_jump_at);
    __builtin_memcpy(mm::at<void>(parameters + setup_start), mm::at<void>(kernel.start + setup_start),
                     header_end - setup_start);
    set_field(parameters, loader_type_at, undefined_loader);
    set_field(parameters, ramdisk_image_at, static_cast<u32>(ramdisk.start.value()));
    set_field(parameters, ramdisk_size_at, static_cast<u32>(ramdisk.size));
    set_field(parameters, command_line_at, static_cast<u32>(command_line_address));
    write_e820(parameters, info.map);

    const std::string_view text = kernel.command_line.view();
    const u32 longest = field<u32>(kernel.start, command_line_size_at);
    if (text.size() > longest)
        refuse("the command line has ", u64{text.size()}, " characters; this kernel takes ", u64{longest});
    char* const out = mm::at<char>(Hpa{command_line_address});
    __builtin_memcpy(out, text.data(), text.size());
    out[text.size()] = '\0';
}

}  // namespace

bool is_linux(const Module& module) {
    return module.size > 4096 && field<u32>(module.start, header_magic_at) == header_magic;
}

StartState load_linux(BootInfo& info) {
    const Module kernel = info.modules[0];
    if (field<u16>(kernel.start, version_at) < needed_version)
        refuse("this Linux kernel is too old: boot protocol ", log::Hex{field<u16>(kernel.start, version_at)},
               ", wanted 0x20a or later");
    const Module ramdisk = join_ramdisks(info);
    const u32 ramdisk_max = field<u32>(kernel.start, ramdisk_max_at);
    if (ramdisk.size != 0 && ramdisk.start.value() + ramdisk.size - 1 > ramdisk_max)
        refuse("the initial RAM disk would end above ", log::Hex{ramdisk_max},
               ", where this kernel does not look");

    const u64 preferred = field<u64>(kernel.start, preferred_address_at);
    const u64 init_size = field<u32>(kernel.start, init_size_at);
    const u8 sectors = field<u8>(kernel.start, setup_sectors_at);
    const u64 setup_bytes = (u64{sectors == 0 ? u8{4} : sectors} + 1) * sector;
    // What follows the kernel in its file is a signature, which only firmware looks at.
    const u64 kernel_bytes = u64{field<u32>(kernel.start, paragraphs_at)} * paragraph;
    if (kernel.size < setup_bytes + kernel_bytes)
        refuse("the Linux kernel is cut short: ", kernel.size, " of ", setup_bytes + kernel_bytes, " bytes");
    require_room(info, preferred, kernel_bytes < init_size ? init_size : kernel_bytes, "the Linux kernel");
    require_room(info, parameters_address, command_line_address + boot::Text::capacity - parameters_address,
                 "Linux's boot parameters");
    write_parameters(info, kernel, ramdisk);
    __builtin_memcpy(mm::at<void>(Hpa{preferred}), mm::at<void>(kernel.start + setup_bytes), kernel_bytes);
    return {.rip = static_cast<u32>(preferred),
            .rax = 0,
            .rbx = 0,
            .rsi = static_cast<u32>(parameters_address),
            .code_selector = boot_code_selector,
            .data_selector = boot_data_selector};
}

}  // namespace kurma::l0::l1vm
