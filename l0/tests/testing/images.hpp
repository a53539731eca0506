// Payloads for host tests: right as they are made, so that a test changes one thing.
#pragma once

#include <random>

#include "fake_machine.hpp"

namespace kurma::l0 {

/// An ELF with a Multiboot header and one segment, which holds `code`.
struct ElfImage {
    bool is_64_bit = false;
    u64 entry = 0x200000, virtual_address = 0x200000, physical_address = 0x200000;
    u64 memory_size = 0x3000;
    u32 header_flags = 0;
    Bytes code = Bytes(0x1000, u8{0xc3});

    static constexpr u64 code_offset = 0x200;
    Bytes bytes() const;
};

/// A bzImage: the setup header of Linux's boot protocol, and a kernel of `kernel_bytes`.
struct LinuxImage {
    u16 protocol = 0x20f;
    u8 setup_sectors = 3;
    u64 preferred_address = 0x1000000;
    u32 init_size = 0x100000, command_line_size = 2047, ramdisk_max = 0x7fffffff;
    u32 kernel_bytes = 0x2000;

    u64 setup_bytes() const { return (u64{setup_sectors} + 1) * 512; }
    Bytes bytes() const;
};

/// Writes the low bytes of `value`, as many as a T has.
template <class T>
void store(Bytes& bytes, u64 at, u64 value) {
    for (usize i = 0; i < sizeof(T); ++i) bytes.at(at + i) = static_cast<u8>(value >> (8 * i));
}

/// Overwrites a few bytes and words between `from` and `to`, some with the values at which sums wrap around.
void damage(Bytes& bytes, u64 from, u64 to, std::mt19937_64& random);

}  // namespace kurma::l0
