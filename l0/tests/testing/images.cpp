// Offsets are those of the System V ABI (chapter 4), the Multiboot specification 0.6.96 (section 3.1) and
// Linux's Documentation/x86/boot.rst, written here once more and not taken from L0's sources.
#include "images.hpp"

namespace kurma::l0 {

Bytes ElfImage::bytes() const {
    Bytes image(code_offset, u8{0});
    const u64 header_size = is_64_bit ? 64 : 52, program_size = is_64_bit ? 56 : 32;
    const u8 ident[] = {0x7f, 'E', 'L', 'F', is_64_bit ? u8{2} : u8{1}, 1, 1};
    std::copy(std::begin(ident), std::end(ident), image.begin());
    store<u16>(image, 16, 2);
    store<u16>(image, 18, is_64_bit ? 62 : 3);
    store<u32>(image, 20, 1);
    if (is_64_bit) {
        store<u64>(image, 24, entry);
        store<u64>(image, 32, header_size);
        store<u16>(image, 52, static_cast<u16>(header_size));
        store<u16>(image, 54, static_cast<u16>(program_size));
        store<u16>(image, 56, 1);
        store<u32>(image, header_size, 1);
        const u64 words[] = {code_offset, virtual_address, physical_address, code.size(), memory_size, 4096};
        for (usize i = 0; i < std::size(words); ++i) store<u64>(image, header_size + 8 + 8 * i, words[i]);
    } else {
        store<u32>(image, 24, entry);
        store<u32>(image, 28, header_size);
        store<u16>(image, 40, static_cast<u16>(header_size));
        store<u16>(image, 42, static_cast<u16>(program_size));
        store<u16>(image, 44, 1);
        const u64 words[] = {1, code_offset, virtual_address, physical_address, code.size(), memory_size,
                             7, 4096};
        for (usize i = 0; i < std::size(words); ++i) store<u32>(image, header_size + 4 * i, words[i]);
    }
    constexpr u64 header_at = 0x100;
    constexpr u32 magic = 0x1badb002;
    store<u32>(image, header_at, magic);
    store<u32>(image, header_at + 4, header_flags);
    store<u32>(image, header_at + 8, 0u - magic - header_flags);
    image.insert(image.end(), code.begin(), code.end());
    return image;
}

Bytes LinuxImage::bytes() const {
    Bytes image(setup_bytes(), u8{0});
    image.at(0x1f1) = setup_sectors;
    store<u32>(image, 0x1f4, kernel_bytes / 16);
    store<u16>(image, 0x1fe, 0xaa55);
    image.at(0x200) = 0xeb;
    image.at(0x201) = 0x6a;
    store<u32>(image, 0x202, 0x53726448);
    store<u16>(image, 0x206, protocol);
    store<u32>(image, 0x22c, ramdisk_max);
    store<u32>(image, 0x238, command_line_size);
    store<u64>(image, 0x258, preferred_address);
    store<u32>(image, 0x260, init_size);
    for (u32 i = 0; i < kernel_bytes; ++i) image.push_back(static_cast<u8>(i * 7 + 1));
    return image;
}

void damage(Bytes& bytes, u64 from, u64 to, std::mt19937_64& random) {
    for (u64 times = random() % 3 + 1; times > 0; --times) {
        const u64 at = from + random() % (to - from - 8);
        const u64 values[] = {0, random() % 0x4000, ~(random() % 0x400000), u64{1} << random() % 64};
        const u64 value = values[random() % 4];
        switch (random() % 3) {
            case 0: bytes[at] = static_cast<u8>(random()); break;
            case 1: store<u32>(bytes, at & ~u64{3}, value); break;
            case 2: store<u64>(bytes, at & ~u64{7}, value); break;
        }
    }
}

}  // namespace kurma::l0
