// Values at the edges of the checks. Each function makes the next value of a field or word out of what it
// was.
#pragma once

#include "random/chance.hpp"

namespace conformance::random {

using Values = u64 (*)(u64 was, Chance& chance);

inline constexpr u64 all_bits = ~u64{0}, low_half = 0xFFFFFFFF;

// Flips one bit of `mask`.
template <u64 mask>
u64 flip(u64 was, Chance& chance) {
    return was ^ chance.bit_of(mask);
}

// One of the values listed.
template <u64... values>
u64 one_of(u64, Chance& chance) {
    constexpr u64 list[] = {values...};
    return chance.pick(list);
}

u64 canonical(u64 was, Chance& chance);     // around 2^47 and at the end of the upper half
u64 segment_base(u64 was, Chance& chance);  // also around 2^32
u64 limit(u64 was, Chance& chance);         // around the granularity's rules
u64 selector(u64 was, Chance& chance);
u64 host_selector(u64 was, Chance& chance);
u64 access_rights(u64 was, Chance& chance);
u64 guest_rip(u64 was, Chance& chance);
u64 guest_rsp(u64 was, Chance& chance);
u64 guest_rflags(u64 was, Chance& chance);
u64 guest_cr0(u64 was, Chance& chance);
u64 guest_cr4(u64 was, Chance& chance);
u64 guest_cr3(u64 was, Chance& chance);
u64 host_cr0(u64 was, Chance& chance);
u64 host_cr4(u64 was, Chance& chance);
u64 host_cr3(u64 was, Chance& chance);
u64 host_rip(u64 was, Chance& chance);
u64 efer(u64 was, Chance& chance);
u64 pat(u64 was, Chance& chance);
u64 page_read(u64 was, Chance& chance);     // a page that the processor only reads
u64 page_written(u64 was, Chance& chance);  // one that it may write
u64 virtual_apic_page(u64 was, Chance& chance);
u64 apic_access_page(u64 was, Chance& chance);
u64 link_pointer(u64 was, Chance& chance);
u64 msr_area(u64 was, Chance& chance);      // for the list at VM entry
u64 bad_msr_area(u64 was, Chance& chance);  // for the lists at VM exit: only what the checks refuse
u64 eptp(u64 was, Chance& chance);
u64 event(u64 was, Chance& chance);
u64 pdpte(u64 was, Chance& chance);
u64 table_entry(u64 was, Chance& chance);  // of L2's page tables
u64 ept_node(u64 was, Chance& chance);     // an entry of EPT12 that points to a table
u64 ept_leaf(u64 was, Chance& chance);
u64 any(u64 was, Chance& chance);

}  // namespace conformance::random
