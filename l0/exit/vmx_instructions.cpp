// EMULATE on metal: the glue between an exit of L1 and vmx::emulate.
#include "l1_world.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

// Each instruction is a function of its own, so that the short ones do not carry the frames of the long ones.
// Those that may change what is current, or whether L1 is in VMX operation at all, have the shadow VMCS
// linked anew.
#define KURMA_EMULATE(name, changes_current)                    \
    [[gnu::noinline]] void name(Cpu& cpu, Gprs& gprs, Reason) { \
        L1World world{cpu, gprs};                               \
        finish(world, emulate_##name(world));                   \
        if (changes_current) cpu.relink = true;                 \
    }
KURMA_EMULATE(vmread, false)
KURMA_EMULATE(vmwrite, false)
KURMA_EMULATE(vmptrld, true)
KURMA_EMULATE(vmclear, true)
KURMA_EMULATE(vmptrst, false)
KURMA_EMULATE(invept, false)
KURMA_EMULATE(invvpid, false)
KURMA_EMULATE(vmxon, true)
KURMA_EMULATE(vmxoff, true)
KURMA_EMULATE(vmcall, false)
#undef KURMA_EMULATE

[[gnu::noinline]] void vm_entry(Cpu& cpu, Gprs& gprs, Reason launch_or_resume) {
    L1World world{cpu, gprs};
    InstrOutcome outcome = emulate_vm_entry(world, launch_or_resume);
    if (outcome.kind == InstrOutcome::Kind::enter_l2) outcome = enter_l2(cpu);
    if (outcome.kind != InstrOutcome::Kind::enter_l2) finish(world, outcome);
}

}  // namespace

Why emulate_for_l1(Cpu& cpu, Gprs& gprs, Reason reason) {
    const auto instruction = reason == Reason::vmread     ? vmread
                             : reason == Reason::vmwrite  ? vmwrite
                             : reason == Reason::vmresume ? vm_entry
                             : reason == Reason::vmlaunch ? vm_entry
                             : reason == Reason::vmptrld  ? vmptrld
                             : reason == Reason::vmclear  ? vmclear
                             : reason == Reason::vmptrst  ? vmptrst
                             : reason == Reason::invept   ? invept
                             : reason == Reason::invvpid  ? invvpid
                             : reason == Reason::vmxon    ? vmxon
                             : reason == Reason::vmxoff   ? vmxoff
                                                          : vmcall;
    instruction(cpu, gprs, reason);
    return Why::l1_vmx_instruction;
}

}  // namespace kurma::l0
