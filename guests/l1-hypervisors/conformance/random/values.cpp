#include "random/values.hpp"

#include "base/memory.hpp"
#include "random/arena.hpp"
#include "random/host.hpp"
#include "random/processor.hpp"
#include "vmx/controls.hpp"
#include "vmx/operation.hpp"

namespace conformance::random {

namespace {

// Physical addresses that are the same on the bare processor and under a hypervisor that keeps some memory
// for itself: far above the machine's memory and below the devices, and devices where reading does no harm.
constexpr u64 nobody = 0xB0000000, local_apic = 0xFEE00000, vga = 0xA0000;

u64 width_edge() { return u64{1} << processor.physical_width; }

// An address in a page that is refused: not aligned, or beyond the width.
u64 refused_page(u64 was, Chance& chance) {
    const u64 edge = width_edge();
    const u64 list[] = {was | chance.bit_of(page_size - 1), edge, was | edge, was | bit(63), ~u64{0},
                        was | chance.bit_of(~(edge - 1))};
    return chance.pick(list);
}

}  // namespace

u64 canonical(u64 was, Chance& chance) {
    constexpr u64 half = u64{1} << 47;
    const u64 list[] = {half - 1,     half,          0 - half,
                        0 - half - 1, ~u64{0},       0,
                        was ^ half,   was | bit(63), was ^ chance.bit_of(all_bits)};
    return chance.pick(list);
}

u64 segment_base(u64 was, Chance& chance) {
    if (chance.one_in(2)) return canonical(was, chance);
    const u64 list[] = {low_half, low_half + 1, was + 16, was ^ 1, was ^ chance.bit_of(all_bits)};
    return chance.pick(list);
}

u64 limit(u64 was, Chance& chance) {
    const u64 list[] = {0,    0xFFE,    0xFFF,    0xFFFF,     0x10000,  0xFFFFF,
                        0x66, 0x100000, 0x1FFFFF, 0xFFFFF000, low_half, was ^ chance.bit_of(low_half)};
    return chance.pick(list);
}

u64 selector(u64 was, Chance& chance) {
    const u64 list[] = {
        0, was ^ 1, was ^ 2, was ^ 3, was ^ 4, was + 8, 0xFFF8, 0xFFFF, chance.next() & 0xFFFF};
    return chance.pick(list);
}

u64 host_selector(u64 was, Chance& chance) {
    const u64 list[] = {0, was | 1, was | 2, was | 4, 0x38, 0xFFF8, chance.next() & 0xFFF8, 0xFFFF};
    return chance.pick(list);
}

u64 access_rights(u64 was, Chance& chance) {
    constexpr u64 unusable = bit(16), type = 0xF, privilege = bit(5) | bit(6), reserved = 0xFFFE0F00;
    switch (chance.below(6)) {
        case 0: return was ^ unusable;
        case 1: return (was & ~type) | chance.below(16);
        case 2: return was ^ chance.bit_of(privilege);
        case 3: return was ^ chance.bit_of(reserved);
        default: return was ^ chance.bit_of(0xFFFF);
    }
}

u64 guest_rip(u64 was, Chance& chance) {
    if (chance.one_in(3)) return canonical(was, chance);
    const u64 list[] = {was + 1,
                        was + 2,
                        was | bit(32),
                        low_half,
                        low_half + 1,
                        0xFFFF,
                        0x10000,
                        at::code,
                        at::code - 1,
                        at::handlers,
                        at::handlers + page_size - 3,
                        at::handlers + page_size - 1};
    return chance.pick(list);
}

u64 guest_rsp(u64 was, Chance& chance) {
    if (chance.one_in(3)) return canonical(was, chance);
    const u64 list[] = {
        was + 1, was | bit(32), low_half, 0, 1, 4, 0xFFFF, at::stack + 6, was ^ chance.bit_of(all_bits)};
    return chance.pick(list);
}

u64 guest_rflags(u64 was, Chance& chance) {
    constexpr u64 defined = 0x3F7FD7, trap_interrupt = bit(8) | bit(9), virtual_mode = bit(17);
    switch (chance.below(6)) {
        case 0: return was ^ chance.bit_of(~defined);
        case 1: return was ^ chance.bit_of(trap_interrupt);
        case 2: return was ^ virtual_mode;
        default: return was ^ chance.bit_of(defined);
    }
}

u64 guest_cr0(u64 was, Chance& chance) {
    constexpr u64 defined = 0xE005003F, with_fixed = bit(0) | bit(5) | bit(31);
    switch (chance.below(4)) {
        case 0: return was ^ chance.bit_of(with_fixed);
        case 1: return was ^ chance.bit_of(all_bits);
        default: return was ^ chance.bit_of(defined);
    }
}

u64 guest_cr4(u64 was, Chance& chance) {
    constexpr u64 with_consequences = bit(4) | bit(5) | bit(13) | bit(17) | bit(20) | bit(21);
    return was ^ chance.bit_of(chance.one_in(2) ? with_consequences : chance.one_in(4) ? all_bits : 0x7FFFFF);
}

u64 guest_cr3(u64 was, Chance& chance) {
    const u64 edge = width_edge();
    const u64 list[] = {was | chance.bit_of(page_size - 1),
                        was | edge,
                        edge,
                        edge - page_size,
                        was | bit(63),
                        nobody,
                        arena.zeroes.address(),
                        was | bit(51)};
    return chance.pick(list);
}

u64 host_cr0(u64 was, Chance& chance) {
    constexpr u64 defined = 0x8005003F;
    return was ^ chance.bit_of(chance.one_in(4) ? all_bits : defined);
}

u64 host_cr4(u64 was, Chance& chance) { return was ^ chance.bit_of(chance.one_in(4) ? all_bits : 0x7FFFFF); }

u64 host_cr3(u64 was, Chance& chance) {
    const u64 edge = width_edge();
    const u64 list[] = {host_root(1), host_root(1) | bit(3), was | bit(4), was | edge,
                        edge,         was | bit(63),         was | bit(51)};
    return chance.pick(list);
}

u64 host_rip(u64, Chance& chance) {
    const u64 one = reinterpret_cast<u64>(&random_stub_1), two = reinterpret_cast<u64>(&random_stub_2),
              three = reinterpret_cast<u64>(&random_stub_3);
    const u64 list[] = {two,
                        three,
                        upper_half + one,
                        upper_half + two,
                        one | bit(47),
                        two | bit(63),
                        (upper_half + three) ^ bit(47)};
    return chance.pick(list);
}

u64 efer(u64 was, Chance& chance) {
    constexpr u64 syscall = bit(0), enable = bit(8), active = bit(10), no_execute = bit(11);
    const u64 list[] = {was ^ syscall,
                        was ^ no_execute,
                        was ^ enable,
                        was ^ active,
                        was ^ (enable | active),
                        was ^ chance.bit_of(0xFFFF),
                        was ^ chance.bit_of(all_bits),
                        0};
    return chance.pick(list);
}

u64 pat(u64 was, Chance& chance) {
    constexpr u64 types[] = {0, 1, 4, 5, 6, 7, 2, 3, 8, 0x80, 0xFF};
    const u64 shift = 8 * chance.below(8);
    return (was & ~(u64{0xFF} << shift)) | chance.pick(types) << shift;
}

u64 page_read(u64 was, Chance& chance) {
    const u64 list[] = {nobody, vga, width_edge() - page_size, arena.mixed.address(), arena.ones.address()};
    return chance.one_in(2) ? refused_page(was, chance) : chance.pick(list);
}

u64 virtual_apic_page(u64 was, Chance& chance) {
    const u64 list[] = {nobody, width_edge() - page_size, arena.ones.address(), arena.zeroes.address()};
    return chance.one_in(2) ? refused_page(was, chance) : chance.pick(list);
}

u64 page_written(u64 was, Chance& chance) {
    const u64 list[] = {nobody, width_edge() - page_size, arena.data.address()};
    return chance.one_in(2) ? refused_page(was, chance) : chance.pick(list);
}

u64 apic_access_page(u64 was, Chance& chance) {
    const u64 list[] = {nobody, local_apic, width_edge() - page_size, arena.stack.address(),
                        arena.data.address()};
    return chance.one_in(2) ? refused_page(was, chance) : chance.pick(list);
}

u64 link_pointer(u64 was, Chance& chance) {
    const u64 list[] = {arena.link.address(),
                        arena.link.address(),
                        arena.other_revision.address(),
                        vmxon_region(),
                        0 - page_size,
                        ~u64{0} >> 1,
                        low_half,
                        nobody,
                        local_apic,
                        width_edge() - page_size,
                        refused_page(arena.link.address(), chance),
                        was ^ chance.bit_of(all_bits)};
    return chance.pick(list);
}

u64 msr_area(u64 was, Chance& chance) {
    const u64 edge = width_edge();
    const u64 list[] = {was | chance.bit_of(0xF),
                        was + 0x10,
                        nobody,
                        edge - 0x10,
                        edge - 0x20,
                        edge,
                        was | edge,
                        arena.ones.address(),
                        arena.zeroes.address()};
    return chance.pick(list);
}

u64 bad_msr_area(u64 was, Chance& chance) {
    const u64 edge = width_edge();
    const u64 list[] = {was | chance.bit_of(0xF), edge, was | edge, was | bit(63), was | 1};
    return chance.pick(list);
}

u64 eptp(u64 was, Chance& chance) {
    constexpr u64 accessed_dirty = bit(6);
    if (chance.one_in(2)) return was ^ accessed_dirty;
    const u64 edge = width_edge();
    const u64 list[] = {was ^ chance.bit_of(page_size - 1),
                        was | edge,
                        was | bit(63),
                        (was & (page_size - 1)) | nobody,
                        (was & ~u64{7}) | chance.below(8),
                        (was & ~u64{0x38}) | chance.below(8) << 3,
                        (was & (page_size - 1)) | arena.zeroes.address(),
                        (was & (page_size - 1)) | (edge - page_size)};
    return chance.pick(list);
}

// Not type 7 (another event): Bochs 2.7 lets it through without having the monitor trap flag, and stops.
u64 event(u64, Chance& chance) {
    constexpr u64 has_code_by_rule = bit(8) | bit(10) | bit(11) | bit(12) | bit(13) | bit(14) | bit(17);
    constexpr u64 hardware = 3, nmi = 2, types = 7;
    const u64 type = chance.one_in(3) ? hardware : chance.below(types);
    const u64 vector = type == nmi && !chance.one_in(4) ? 2
                       : chance.one_in(4)               ? chance.below(256)
                                                        : chance.below(32);
    bool with_code = type == hardware && vector < 32 && (has_code_by_rule >> vector & 1) != 0;
    if (chance.one_in(8)) with_code = !with_code;
    const u64 reserved = chance.one_in(12) ? chance.bit_of(0x7FFFF000) : 0;
    return interruption::valid | type << 8 | vector | (with_code ? u64{interruption::has_error_code} : 0) |
           reserved;
}

u64 pdpte(u64 was, Chance& chance) {
    constexpr u64 present = bit(0), reserved_low = 0x1E6;
    const u64 list[] = {was ^ present,
                        was ^ chance.bit_of(reserved_low),
                        was ^ chance.bit_of(0xFFF),
                        was | width_edge() | present,
                        was | bit(63) | present,
                        reserved_low,
                        arena.zeroes.address() | present};
    return chance.pick(list);
}

u64 table_entry(u64 was, Chance& chance) {
    constexpr u64 reserved_or_no_execute = bit(51) | bit(63) | bit(62);
    constexpr u64 accessed_dirty = bit(5) | bit(6);
    const u64 list[] = {was ^ chance.bit_of(0x7),
                        was ^ chance.bit_of(accessed_dirty),
                        was ^ bit(7),
                        was ^ chance.bit_of(reserved_or_no_execute),
                        0,
                        was | width_edge(),
                        was ^ chance.bit_of(0xF18)};
    return chance.pick(list);
}

u64 ept_node(u64 was, Chance& chance) {
    const u64 list[] = {was ^ chance.bit_of(0x7),
                        (was & ~u64{7}) | chance.below(8),
                        was ^ chance.bit_of(0xF8),
                        was ^ chance.bit_of(0xF00),
                        was | width_edge(),
                        was | chance.bit_of(u64{0xFFF} << 52),
                        nobody | 7,
                        0};
    return chance.pick(list);
}

u64 ept_leaf(u64 was, Chance& chance) {
    constexpr u64 memory_type = 0x38;
    const u64 list[] = {was ^ chance.bit_of(0x7),
                        (was & ~u64{7}) | chance.below(8),
                        (was & ~memory_type) | chance.below(8) << 3,
                        was ^ chance.bit_of(0xFC0),
                        was | width_edge(),
                        was | chance.bit_of(u64{0xFFF} << 52),
                        0};
    return chance.pick(list);
}

u64 any(u64, Chance& chance) { return chance.next(); }

}  // namespace conformance::random
