#include "observe.hpp"

namespace kurma::l0 {

using namespace vmx;

bool Bitmaps12::bit_in_l1(u64 page, u64 bit) const {
    const auto host = cpu_.machine->partition.translate(ept::L1Gpa{page + bit / 8});
    if (!host) return true;
    return ((*mm::at<volatile u8>(*host) >> (bit % 8)) & 1) != 0;
}

// Four KiB: reads of low MSRs, reads of high ones, writes of low ones, writes of high ones (SDM 3C 25.6.9).
bool Bitmaps12::msr_intercepted(u32 msr, bool write) const {
    const Vmcs12& v = cpu_.running->vmcs12;
    if (!v.get(field::primary_controls).has(Primary::use_msr_bitmaps)) return true;
    constexpr u32 span = 0x2000, high_base = 0xc0000000;
    const u32 index = msr % span;
    const u32 base = msr - index;
    if (base != 0 && base != high_base) return true;
    constexpr u64 quarter_bits = 1024 * 8;
    const u64 quarter = (write ? 2u : 0u) + (base == high_base ? 1u : 0u);
    return bit_in_l1(v.get(field::msr_bitmap), quarter * quarter_bits + index);
}

bool Bitmaps12::io_intercepted(u16 port, unsigned bytes) const {
    const Vmcs12& v = cpu_.running->vmcs12;
    const PrimaryControls primary = v.get(field::primary_controls);
    if (!primary.has(Primary::use_io_bitmaps)) return primary.has(Primary::unconditional_io_exiting);
    // An access that wraps around the end of the port space exits (SDM 3C 25.6.4).
    if (u32{port} + bytes > 0x10000) return true;
    constexpr u32 ports_per_page = 0x8000;
    for (u32 p = port; p < port + bytes; ++p) {
        const u64 page = p < ports_per_page ? v.get(field::io_bitmap_a) : v.get(field::io_bitmap_b);
        if (bit_in_l1(page, p % ports_per_page)) return true;
    }
    return false;
}

}  // namespace kurma::l0
