// States that no case enters with, each with its reason. They are taken back after all mutations, so that a
// case stays the same on every processor.
#include "random/arena.hpp"
#include "random/case.hpp"
#include "random/host.hpp"
#include "random/instructions.hpp"
#include "random/processor.hpp"

namespace conformance::random {
namespace {

constexpr u64 virtual_nmis = bit(5);
constexpr u64 cr0_pe = bit(0), cr0_pg = bit(31), cr4_pae = bit(5);
constexpr u64 blocked_by_nmi = bit(3);
constexpr u64 activity_active = 0, activity_wait_for_sipi = 3;

bool injects(const Case& c) {
    return (c.fields[Slot::entry_interruption_information] & interruption::valid) != 0;
}
bool injects_nmi(const Case& c) {
    constexpr u64 type = 7 << 8;
    return injects(c) && (c.fields[Slot::entry_interruption_information] & type) == interruption::nmi;
}
// An L2 that halts, shuts down or waits for an IPI wakes by nothing here: all interrupts are masked. An
// injected event makes it active, so that these states are tried only with one.
void keep_awake(Case& c) {
    u64& activity = c.fields[Slot::guest_activity];
    if (activity != activity_active && activity <= activity_wait_for_sipi && !injects(c))
        activity = activity_active;
    if (c.instruction == &halt && (c.fields[Slot::primary_controls] & primary::hlt) == 0)
        c.instruction = &plain_vmcall;
}

// Paging without protection stops Bochs 2.7 ("VMENTER CR0 is broken"), which checks neither at VM entry. And
// without EPT an L2 without paging would run in L1's own memory.
void keep_paging(Case& c) {
    u64& cr0 = c.fields[Slot::guest_cr0];
    if ((cr0 & cr0_pg) != 0) cr0 |= cr0_pe;
    if (!uses(c, secondary::ept)) cr0 |= cr0_pe | cr0_pg;
    // Nor may L2 leave protection or paging by itself, which Bochs 2.7 allows others than unrestricted
    // guests, too: it could not be entered again.
    if (starts_with(c.instruction->name, "mov-to-cr0") && !uses(c, secondary::unrestricted_guest))
        c.registers.rax |= cr0_pe | cr0_pg;
}

// The return address of a software event is beyond the instruction. Bochs 2.7 does not wrap it at 32 bits,
// and keeps the high half in RIP when it goes to a 16-bit handler.
void keep_return_address_short(Case& c) {
    constexpr u64 longest_instruction = 15, high_half = 0xFFFFFFFF00000000;
    u64& rip = c.fields[Slot::guest_rip];
    if (injects(c) && (rip & high_half) == 0 && ((rip + longest_instruction) & high_half) != 0) rip &= 0xFFFF;
}

// Memory that nobody answers for reads as ones. For tables of eight-byte entries that is a reserved bit, for
// those of four bytes a translation to somewhere.
void keep_tables_in_memory(Case& c) {
    u64& cr3 = c.fields[Slot::guest_cr3];
    const u64 first = address_of(&arena), end = first + sizeof arena;
    if (uses(c, secondary::ept) || (c.fields[Slot::guest_cr4] & cr4_pae) != 0) return;
    if ((cr3 < first || cr3 >= end) && cr3 >> processor.physical_width == 0) cr3 = arena.zeroes.address();
}

// Bochs 2.7 keeps virtual-NMI blocking from one VM entry to the next, so that a case would depend on those
// before it.
void keep_virtual_nmis_open(Case& c) {
    if ((c.fields[Slot::guest_interruptibility] & blocked_by_nmi) != 0 || injects_nmi(c))
        c.fields[Slot::pin_controls] &= ~virtual_nmis;
}

// What an L2 reads from a shadow VMCS is defined if that was written by VMWRITE; here it is a page of zeroes.
void keep_shadow_unread(Case& c) {
    constexpr u64 no_link = ~u64{0};
    if (!uses(c, secondary::vmcs_shadowing) || c.fields[Slot::vmcs_link_pointer] == no_link) return;
    if (starts_with(c.instruction->name, "vmread") || starts_with(c.instruction->name, "vmwrite"))
        c.instruction = &plain_vmcall;
}

// Bochs 2.7 takes the processor's own reads (of bitmaps, tables, lists) for L2's accesses to the APIC-access
// page.
void keep_apic_access_page_apart(Case& c) {
    constexpr Slot pointers[] = {Slot::io_bitmap_a,
                                 Slot::io_bitmap_b,
                                 Slot::msr_bitmap,
                                 Slot::guest_cr3,
                                 Slot::eptp,
                                 Slot::virtual_apic_address,
                                 Slot::vmread_bitmap,
                                 Slot::vmwrite_bitmap,
                                 Slot::entry_msr_load_address,
                                 Slot::eptp_list_address,
                                 Slot::pml_address,
                                 Slot::ve_information_address,
                                 Slot::vmcs_link_pointer,
                                 Slot::exit_msr_load_address,
                                 Slot::exit_msr_store_address};
    u64& page = c.fields[Slot::apic_access_address];
    for (const Slot pointer : pointers)
        if (page / page_size == c.fields[pointer] / page_size) page = arena.apic_access.address();
}

}  // namespace

void keep_within_bounds(Case& c) {
    keep_awake(c);
    keep_paging(c);
    keep_return_address_short(c);
    keep_tables_in_memory(c);
    keep_virtual_nmis_open(c);
    keep_shadow_unread(c);
    keep_apic_access_page_apart(c);
}

}  // namespace conformance::random
