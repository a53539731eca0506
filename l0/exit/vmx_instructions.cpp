// EMULATE on metal: the glue between an exit of L1 and vmx::emulate.
#include "l1_world.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

InstrOutcome emulate(Cpu& cpu, L1World& world, Reason reason) {
    if (reason == Reason::vmread) return emulate_vmread(world);
    if (reason == Reason::vmwrite) return emulate_vmwrite(world);
    if (reason == Reason::vmresume || reason == Reason::vmlaunch) {
        const InstrOutcome outcome = emulate_vm_entry(world, reason);
        return outcome.kind == InstrOutcome::Kind::enter_l2 ? enter_l2(cpu) : outcome;
    }
    if (reason == Reason::vmptrld) return emulate_vmptrld(world);
    if (reason == Reason::vmclear) return emulate_vmclear(world);
    if (reason == Reason::vmptrst) return emulate_vmptrst(world);
    if (reason == Reason::invept) return emulate_invept(world);
    if (reason == Reason::invvpid) return emulate_invvpid(world);
    if (reason == Reason::vmxon) return emulate_vmxon(world);
    if (reason == Reason::vmxoff) return emulate_vmxoff(world);
    return emulate_vmcall(world);
}

}  // namespace

Why emulate_for_l1(Cpu& cpu, Gprs& gprs, Reason reason) {
    L1World world{cpu, gprs};
    const InstrOutcome outcome = emulate(cpu, world, reason);
    if (outcome.kind != InstrOutcome::Kind::enter_l2) finish(world, outcome);
    return Why::l1_vmx_instruction;
}

}  // namespace kurma::l0
