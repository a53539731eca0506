#include "commit.hpp"

#include "../cpu/vmcs.hpp"
#include "shadow_vmcs.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// An NMI that arrived while L0 ran is L1's: L0 has no use for one. With L2 running it waits for the next
/// turn of L1.
void deliver_nmi(Cpu& cpu, const CurrentVmcs<Which::vmcs01>& vmcs01) {
    if (read(vmcs01, field::entry_interruption_info).valid()) return;
    cpu.nmi_pending = false;
    write(vmcs01, field::entry_interruption_info,
          InterruptionInfo::make(EventType::nmi, static_cast<u8>(x86::Vector::nmi), false));
}

}  // namespace

bool commit(Cpu& cpu) {
    if (cpu.level == Level::l1) {
        if (cpu.relink && cpu.machine->shadowing) link_shadow(cpu);
        const auto vmcs01 = make_vmcs01_current(cpu);
        if (cpu.nmi_pending) [[unlikely]]
            deliver_nmi(cpu, vmcs01);
        ++cpu.totals.vmresume;
        return false;
    }
    make_vmcs02_current(cpu, *cpu.running);
    const bool launch = !cpu.running->launched02;
    cpu.running->launching02 = launch;
    cpu.running->launched02 = true;
    ++(launch ? cpu.totals.vmlaunch : cpu.totals.vmresume);
    return launch;
}

}  // namespace kurma::l0
