// The PDPTE fields: with EPT on, PAE paging takes its page-directory-pointer entries from the VMCS, so
// whoever loads CR3 for a guest loads them too (SDM 3C 27.3.2.4, 28.5.4; 3A 4.4.1).
#pragma once

#include <vmx/field.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

template <class V>
void read_pdptes(const V& vmcs, u64* table) {
    using namespace vmx;
    table[0] = read(vmcs, field::guest_pdpte0);
    table[1] = read(vmcs, field::guest_pdpte1);
    table[2] = read(vmcs, field::guest_pdpte2);
    table[3] = read(vmcs, field::guest_pdpte3);
}

/// `table` is the four entries that CR3 points to.
template <class V>
void write_pdptes(const V& vmcs, const u64* table) {
    using namespace vmx;
    write(vmcs, field::guest_pdpte0, table[0]);
    write(vmcs, field::guest_pdpte1, table[1]);
    write(vmcs, field::guest_pdpte2, table[2]);
    write(vmcs, field::guest_pdpte3, table[3]);
}

/// L1 is to find what it believes to be in its VMCS.
template <class V>
void give_back_pdptes(VmcsSlot& slot, const V& vmcs02) {
    if (!slot.has_pdptes_of_l0) [[likely]]
        return;
    slot.has_pdptes_of_l0 = false;
    write_pdptes(vmcs02, slot.pdptes_of_l1.data());
}

}  // namespace kurma::l0
