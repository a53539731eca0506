#include "bitmaps.hpp"

#include "../hw/cpu.hpp"
#include "ept02.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::Hpa;
using ept::L1Gpa;
using Ticket = l1vm::WatchedPages::Ticket;

namespace {

/// The processor writes a virtual-APIC page by its machine address, and no EPT sees it.
bool written_by_processor(const Cpu& cpu, L1Gpa page) {
    for (const VmcsSlot& slot : cpu.slots)
        if (slot.in_use && slot.vmcs12.get(field::virtual_apic_address) == page.value()) return true;
    return false;
}

Ticket watch(Cpu& cpu, L1Gpa page) {
    if (cpu.machine->policy.bitmap_merge == BitmapMerge::always || written_by_processor(cpu, page)) return {};
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    auto watching = cpu.machine->partition.watch(world, page, cpu.totals.exits);
    watching.debt.pay([&] { execute_invept_single(cpu, cpu.machine->partition.eptp01()); });
    if (watching.shadowed) drop_all_ept02(cpu);
    return watching.ticket;
}

/// Brings one bitmap up to date. Whether it stays so until its ticket is void.
bool refresh(Cpu& cpu, Ticket& ticket, Hpa page02, u64 address12, const Intercepts01& of_l0) {
    const L1Gpa page{address12};
    if (ticket.page == page && cpu.machine->partition.watched().good(ticket)) return true;
    // First the watch, then the look: what is written in between must not be lost.
    ticket = watch(cpu, page);
    hw::copy_page(mm::at<u64>(page02), mm::at<u64>(cpu.machine->place(address12)));
    of_l0.add_to(mm::at<u64>(page02));
    return ticket.number != 0;
}

}  // namespace

void merge_bitmaps(Cpu& cpu, VmcsSlot& slot) {
    const Machine& machine = *cpu.machine;
    const Vmcs12& v = slot.vmcs12;
    const PrimaryControls primary = v.get(field::primary_controls);
    // A watch that begins may end another, even one of this slot's: the next entry will look again.
    const u64 revision = machine.partition.watched().revision();
    bool good = true;
    if (primary.has(Primary::use_msr_bitmaps))
        good &= refresh(cpu, slot.bitmaps12[0], slot.msr_bitmap02, v.get(field::msr_bitmap),
                        machine.msr_intercepts01);
    if (primary.has(Primary::use_io_bitmaps)) {
        good &= refresh(cpu, slot.bitmaps12[1], slot.io_bitmap02_a, v.get(field::io_bitmap_a),
                        machine.io_intercepts01_a);
        good &= refresh(cpu, slot.bitmaps12[2], slot.io_bitmap02_b, v.get(field::io_bitmap_b),
                        machine.io_intercepts01_b);
    }
    slot.bitmaps_good_at = good ? revision : 0;
}

void bitmaps_knob_changed(Cpu& cpu) { cpu.machine->partition.watch_nothing(); }

}  // namespace kurma::l0
