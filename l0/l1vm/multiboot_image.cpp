// Any Multiboot 1 image, with its modules (Multiboot specification 0.6.96).
#include "../boot/multiboot_format.hpp"
#include "../mm/direct_map.hpp"
#include "../trace/refuse.hpp"
#include "payload.hpp"

namespace kurma::l0::l1vm {

using namespace boot;
using ept::Hpa;

namespace {

// ELF (System V ABI, chapter 4), as far as loading needs it.
constexpr u32 elf_magic = 0x464c457f;
constexpr u8 class_32 = 1, class_64 = 2;
constexpr u32 segment_load = 1;

struct Elf32Header {
    u8 ident[16];
    u16 type, machine;
    u32 version, entry, program_offset, section_offset, flags;
    u16 header_size, program_entry_size, program_count;
};
struct Elf32Program {
    u32 type, offset, virtual_address, physical_address, file_size, memory_size, flags, alignment;
};
struct Elf64Header {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, program_offset, section_offset;
    u32 flags;
    u16 header_size, program_entry_size, program_count;
};
struct Elf64Program {
    u32 type, flags;
    u64 offset, virtual_address, physical_address, file_size, memory_size, alignment;
};

/// Where Multiboot information for the payload is built: low memory that no firmware uses.
constexpr u64 info_address = 0x10000, info_bytes = 0x10000;

MultibootHeader header_of(const Module& module, bool& found) {
    for (u32 at = 0; at + 12 <= header_search_bytes && at + sizeof(MultibootHeader) <= module.size; at += 4) {
        MultibootHeader header;
        __builtin_memcpy(&header, mm::at<void>(module.start + at), sizeof(header));
        if (header.magic == header_magic && header.magic + header.flags + header.checksum == 0) {
            found = true;
            return header;
        }
    }
    found = false;
    return {};
}

void load_segment(const BootInfo& info, const Module& image, u64 offset, u64 file_size, u64 memory_size,
                  u64 address) {
    if (memory_size == 0) return;
    if (file_size > memory_size || offset > image.size || file_size > image.size - offset)
        refuse("the Multiboot image is cut short: a segment ends at ", log::Hex{offset + file_size}, " of ",
               log::Hex{image.size}, " bytes");
    require_room(info, address, memory_size, "the Multiboot image");
    if (address < info_address + info_bytes && info_address < address + memory_size)
        refuse("the Multiboot image wants the memory at ", log::Hex{info_address},
               ", where its Multiboot information goes; link it elsewhere");
    __builtin_memcpy(mm::at<void>(Hpa{address}), mm::at<void>(image.start + offset), file_size);
    __builtin_memset(mm::at<void>(Hpa{address + file_size}), 0, memory_size - file_size);
}

template <class Header, class Program>
u64 load_elf(const BootInfo& info, const Module& image) {
    if (image.size < sizeof(Header))
        refuse("the Multiboot image is cut short: ", image.size, " bytes hold no ELF header");
    Header header;
    __builtin_memcpy(&header, mm::at<void>(image.start), sizeof(header));
    u64 entry = header.entry;
    for (u32 i = 0; i < header.program_count; ++i) {
        const u64 at = header.program_offset + u64{i} * header.program_entry_size;
        if (at > image.size || image.size - at < sizeof(Program))
            refuse("the Multiboot image's program headers are cut short");
        Program program;
        __builtin_memcpy(&program, mm::at<void>(image.start + at), sizeof(program));
        if (program.type != segment_load) continue;
        load_segment(info, image, program.offset, program.file_size, program.memory_size,
                     program.physical_address);
        // The entry is a virtual address; where the segment is linked elsewhere than loaded, it moves along.
        if (header.entry - program.virtual_address < program.memory_size)
            entry = header.entry - program.virtual_address + program.physical_address;
    }
    return entry;
}

/// Images with addresses in their Multiboot header need no ELF (section 3.1.3).
u64 load_by_addresses(const BootInfo& info, const Module& image, const MultibootHeader& header,
                      u32 header_at) {
    const u64 offset = header_at - (header.header_addr - header.load_addr);
    const u64 file_size =
        header.load_end_addr == 0 ? image.size - offset : header.load_end_addr - header.load_addr;
    const u64 end = header.bss_end_addr == 0 ? header.load_addr + file_size : header.bss_end_addr;
    load_segment(info, image, offset, file_size, end - header.load_addr, header.load_addr);
    return header.entry_addr;
}

/// Builds structures and texts one after the other in low memory.
class InfoBuilder {
  public:
    template <class T>
    u32 put(const T& object) {
        return put_bytes(&object, sizeof(T), 8);
    }
    u32 put_text(std::string_view text) {
        const u32 at = put_bytes(text.data(), text.size(), 1);
        const char end = '\0';
        put_bytes(&end, 1, 1);
        return at;
    }
    u32 put_bytes(const void* bytes, usize size, u32 alignment) {
        next_ = (next_ + alignment - 1) & ~(alignment - 1);
        if (next_ + size > info_address + info_bytes)
            refuse("too many modules or too long command lines for a Multiboot image");
        const u32 at = next_;
        __builtin_memcpy(mm::at<void>(Hpa{at}), bytes, size);
        next_ += static_cast<u32>(size);
        return at;
    }

  private:
    u32 next_ = info_address;
};

u32 build_info(const BootInfo& info) {
    InfoBuilder out;
    MultibootInfo result{};
    const u32 at = out.put(result);
    result.flags =
        info_flag::memory | info_flag::command_line | info_flag::memory_map | info_flag::loader_name;
    result.cmdline = out.put_text(info.modules[0].command_line.view());
    result.boot_loader_name = out.put_text("Kurma");
    std::array<MultibootRange, mm::MemoryMap::capacity> ranges{};
    usize count = 0;
    for (const mm::Range& range : info.map) {
        ranges[count++] = {sizeof(MultibootRange) - sizeof(u32), range.base, range.size,
                           static_cast<u32>(range.type)};
        if (range.type != mm::RangeType::available) continue;
        constexpr u64 mib = 1u << 20;
        if (range.base == 0) result.mem_lower = static_cast<u32>(range.size >> 10);
        if (range.base == mib) result.mem_upper = static_cast<u32>(range.size >> 10);
    }
    result.mmap_length = static_cast<u32>(count * sizeof(MultibootRange));
    result.mmap_addr = out.put_bytes(ranges.data(), result.mmap_length, 8);

    std::array<MultibootModule, BootInfo::max_modules> modules{};
    const usize module_count = info.module_count - 1;
    for (usize i = 0; i < module_count; ++i) {
        const Module& module = info.modules[i + 1];
        const u32 start = static_cast<u32>(module.start.value());
        modules[i] = {start, start + static_cast<u32>(module.size), out.put_text(module.command_line.view()),
                      0};
    }
    if (module_count > 0) {
        result.flags |= info_flag::modules;
        result.mods_count = static_cast<u32>(module_count);
        result.mods_addr = out.put_bytes(modules.data(), module_count * sizeof(MultibootModule), 8);
    }
    __builtin_memcpy(mm::at<void>(Hpa{at}), &result, sizeof(result));
    return at;
}

u32 offset_of_header(const Module& module) {
    for (u32 at = 0; at + 12 <= header_search_bytes; at += 4)
        if (*mm::at<u32>(module.start + at) == header_magic) return at;
    return 0;
}

}  // namespace

bool is_multiboot(const Module& module) {
    bool found = false;
    header_of(module, found);
    return found;
}

StartState load_multiboot(BootInfo& info) {
    const Module image = info.modules[0];
    bool found = false;
    const MultibootHeader header = header_of(image, found);
    if ((header.flags & header_requirements & ~header_flags_known) != 0)
        refuse("the Multiboot image requires what Kurma does not give (header flags ", log::Hex{header.flags},
               ")");
    require_room(info, info_address, info_bytes, "Multiboot information");
    u64 entry = 0;
    const u8* const bytes = mm::at<u8>(image.start);
    if ((header.flags & header_flag_addresses) != 0)
        entry = load_by_addresses(info, image, header, offset_of_header(image));
    else if (*mm::at<u32>(image.start) != elf_magic)
        refuse("the Multiboot image is no ELF and its header has no addresses");
    else if (bytes[4] == class_32)
        entry = load_elf<Elf32Header, Elf32Program>(info, image);
    else if (bytes[4] == class_64)
        entry = load_elf<Elf64Header, Elf64Program>(info, image);
    else
        refuse("the Multiboot image's ELF class is ", u64{bytes[4]}, ", wanted 32 or 64 bits");
    if ((entry >> 32) != 0) refuse("the Multiboot image starts above 4 GiB (", log::Hex{entry}, ")");
    return {.rip = static_cast<u32>(entry),
            .rax = multiboot_loader_magic,
            .rbx = build_info(info),
            .rsi = 0,
            .code_selector = 8,
            .data_selector = 16};
}

}  // namespace kurma::l0::l1vm
