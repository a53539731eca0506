// Every bit of an entry that is neither a permission nor part of a usual address: memory types, reserved and
// ignored bits, addresses beyond the processor's width (SDM 3C tables 29-1 to 29-6).
#include "sweeps/ept/ept.hpp"

namespace conformance::ept {
namespace {

constexpr unsigned first_bit_above_permissions = 3, first_address_bit = 12, bits = 64;
// Up to here an address bit only names another page of the machine or a hole in it.
constexpr unsigned first_bit_beyond_width = 40;

// Bit 52 and up are ignored but for bit 63 (#VE); Bochs 2.7 has 40 bits of physical address.
void flip(Level level, unsigned number, Access access) {
    const Text name("bits/", name_of(level), "/bit-", u32{number}, "/", name_of(access));
    Vcpu& vcpu = about_to(access, false);
    entry_of(level) ^= bit(number);
    invalidate();
    enter_and_print(name, vcpu);
}

// Not present, whatever else is in it.
void absent_with_bits(Level level, unsigned number) {
    const Text name("bits/", name_of(level), "/absent-with-bit-", u32{number});
    Vcpu& vcpu = about_to(Access::read, false);
    entry_of(level) = bit(number);
    invalidate();
    enter_and_print(name, vcpu);
}

void memory_type(u64 type, bool ignore_pat) {
    const Text name("memory-type/", type, ignore_pat ? "/ignore-pat" : "");
    constexpr u64 type_bits = 7 << 3, ignore = bit(6);
    Vcpu& vcpu = about_to(Access::read, false);
    entry_of(Level::pte) = (entry_of(Level::pte) & ~type_bits) | type << 3 | (ignore_pat ? ignore : 0);
    invalidate();
    enter_and_print(name, vcpu);
}

}  // namespace

void sweep_bits() {
    for (const Level level : levels) {
        for (unsigned number = first_bit_above_permissions; number < first_address_bit; ++number)
            flip(level, number, Access::read);
        for (unsigned number = first_bit_beyond_width; number < bits; ++number) {
            flip(level, number, Access::read);
            flip(level, number, Access::walk_write);
        }
        for (const unsigned number : {3u, 7u, 12u, 39u, 40u, 51u, 63u}) absent_with_bits(level, number);
    }
    constexpr u64 types = 8;
    for (u64 type = 0; type < types; ++type)
        for (const bool ignore_pat : {false, true}) memory_type(type, ignore_pat);
}

}  // namespace conformance::ept
