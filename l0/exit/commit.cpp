#include "commit.hpp"

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

void prepare_l1(Cpu& cpu) {
    if (cpu.relink && cpu.machine->shadowing) link_shadow(cpu);
    cpu.relink = false;
    const auto vmcs01 = make_vmcs01_current(cpu);
    if (cpu.nmi_pending) [[unlikely]]
        deliver_nmi(cpu, vmcs01);
}

}  // namespace kurma::l0
