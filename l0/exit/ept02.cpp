#include "ept02.hpp"

#include "../hw/vmx.hpp"
#include "../trace/death.hpp"

namespace kurma::l0 {

using ept::Eptp;

namespace {

void drop(Cpu& cpu, Ept02& one) {
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    ept::FlushDebt debt = one.shadow.drop_all(world);
    debt.pay([&] { execute_invept_single(cpu, one.eptp02); });
}

/// Ends one: a slot that used it gets another at its next entry.
void give_up(Cpu& cpu, Ept02& one) {
    drop(cpu, one);
    for (VmcsSlot& slot : cpu.slots)
        if (slot.ept02 == &one) slot.ept02 = nullptr;
    one.in_use = false;
}

Ept02& free_ept02(Cpu& cpu) {
    Ept02* oldest = &cpu.ept02s[0];
    for (usize i = 0; i < cpu.machine->policy.ept02_keep; ++i) {
        Ept02& one = cpu.ept02s[i];
        if (!one.in_use) return one;
        if (one.last_use < oldest->last_use) oldest = &one;
    }
    give_up(cpu, *oldest);
    return *oldest;
}

}  // namespace

void map_device(Cpu& cpu, ept::L1Gpa address) {
    // All memory is mapped from the start, so what faults there is a page that is watched.
    if (cpu.machine->partition.translate_for_write(address)) return;
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    const bool l1 = cpu.level == Level::l1;
    switch (cpu.machine->partition.map_on_demand(world, address)) {
        case l1vm::DemandMap::mapped: return;
        case l1vm::DemandMap::l0_memory:
            l1_died(cpu, l1 ? "L1 reached for L0's memory" : "L2 reached for L0's memory", address.value());
        case l1vm::DemandMap::no_such_address:
            l1_died(cpu,
                    l1 ? "L1 reached beyond the physical-address width"
                       : "L2 reached beyond the physical-address width",
                    address.value());
        case l1vm::DemandMap::out_of_tables: panic("no memory left for ept01", __FILE__, __LINE__);
    }
}

void execute_invept_single(Cpu& cpu, Eptp eptp02) {
    ++cpu.totals.invept;
    hw::invept(hw::single_context, {eptp02.bits(), 0});
}

void execute_invvpid_single(Cpu& cpu, u16 vpid02) {
    if (!cpu.machine->host.may(vmx::Secondary::enable_vpid)) return;
    ++cpu.totals.invvpid;
    hw::invvpid(hw::single_context, {vpid02, 0});
}

Ept02& ept02_for(Cpu& cpu, Eptp eptp12) {
    for (Ept02& one : cpu.ept02s)
        if (one.in_use && one.eptp12 == eptp12) {
            one.last_use = ++cpu.clock;
            return one;
        }
    Ept02& fresh = free_ept02(cpu);
    l1vm::EptWorld world{cpu.machine->pages, cpu.machine->partition};
    if (fresh.shadow.root().value() == 0) CHECK(fresh.shadow.init(world));
    const bool accessed_dirty = eptp12.accessed_dirty() && cpu.machine->host.ept().accessed_dirty;
    const Eptp eptp02 = Eptp::make(fresh.shadow.root(), ept::MemoryType::wb, accessed_dirty);
    fresh.in_use = true;
    cpu.ept02s_used = std::max(cpu.ept02s_used, static_cast<usize>(&fresh - cpu.ept02s.data()) + 1);
    fresh.eptp12 = eptp12;
    fresh.eptp02 = eptp02;
    fresh.rules = cpu.machine->offered.ept();
    fresh.last_use = ++cpu.clock;
    return fresh;
}

void ept02_knob_changed(Cpu& cpu) {
    drop_all_ept02(cpu);
    for (usize i = cpu.machine->policy.ept02_keep; i < cpu.ept02s.size(); ++i) give_up(cpu, cpu.ept02s[i]);
}

void drop_ept02(Cpu& cpu, Eptp eptp12) {
    // INVEPT goes by the address of the tables: bits that only say how they are used make no difference.
    for (usize i = 0; i < cpu.ept02s_used; ++i) {
        Ept02& one = cpu.ept02s[i];
        if (one.in_use && one.eptp12.root<ept::Space::l1>() == eptp12.root<ept::Space::l1>()) drop(cpu, one);
    }
}

void drop_all_ept02(Cpu& cpu) {
    for (Ept02& one : cpu.ept02s)
        if (one.in_use) drop(cpu, one);
}

void drop_vpid02(Cpu& cpu, u16 vpid12) {
    for (const VmcsSlot& slot : cpu.slots)
        if (slot.in_use && slot.last_vpid12 == vpid12) execute_invvpid_single(cpu, slot.vpid02);
}

void drop_all_vpid02(Cpu& cpu) {
    for (const VmcsSlot& slot : cpu.slots)
        if (slot.in_use) execute_invvpid_single(cpu, slot.vpid02);
}

}  // namespace kurma::l0
