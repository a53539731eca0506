// What the probe's VMM and its guest have agreed on: addresses, ports, and the page through which they talk.
//
// The VMM writes `operation` and `repetitions`, and runs the guest. The guest writes to port_begin, does the
// operation so many times, writes to port_end, and reads the next order. The VMM therefore stands between two
// orders at each end.
#pragma once

#include <ept/integer.hpp>

namespace kurma::probe {

enum class Operation : u32 {
    none,
    cpuid,
    vmcall,
    rdmsr_trapped,
    rdmsr_direct,
    wrmsr_trapped,
    wrmsr_direct,
    out_user,
    in_user,
    mmio_user,
    hlt_user,
    mov_cr0,
    mov_cr0_direct,
    mov_cr3,
    mov_cr4,
    mov_cr4_direct,
    xsetbv,
    touch,
    interrupt,
};

inline constexpr u32 max_repetitions = 256;

struct Mailbox {
    Operation operation;
    u32 repetitions;
    u64 touch_base;  // guest-physical address of the first page that Operation::touch reads
    // RDTSC differences. That of `interrupt` is less an undisturbed step already; all others still contain an
    // empty pair.
    u64 samples[max_repetitions];
};

// The guest's memory. Virtual addresses are physical ones: the first 4 GiB are mapped by pages of 2 MiB.
inline constexpr u64 page_size = 0x1000;
inline constexpr u64 page_tables_at = 0x1000;
inline constexpr u64 mailbox_at = 0x10000;
inline constexpr u64 stack_top_at = 0x20000;
inline constexpr u64 image_at = 0x100000;
inline constexpr u64 low_memory_size = 0x200000;
inline constexpr u64 scratch_at = 0x2000'0000;
inline constexpr u64 touch_region_at = 0x4000'0000;
inline constexpr u64 unmapped_at = 0xD000'0000;

// Touched pages lie this far apart, so that a hypervisor that maps neighbours along with a page is still met
// each time.
inline constexpr u64 touch_stride = 16 * page_size;

inline constexpr u16 port_begin = 0x500;
inline constexpr u16 port_end = 0x501;
inline constexpr u16 port_measured = 0x510;

}  // namespace kurma::probe
