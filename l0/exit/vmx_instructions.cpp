// EMULATE on metal: the glue between an exit of L1 and vmx::emulate.
#include "l1_world.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// Whether an instruction may change what is current, or whether L1 is in VMX operation at all: then the
/// shadow VMCS is linked anew.
enum class Relink : bool { no, yes };

/// One instruction, a function of its own, so that the short ones do not carry the frames of the long ones.
template <InstrOutcome (*emulate)(L1World&), Relink relink = Relink::no>
[[gnu::noinline, gnu::flatten]] void run(Cpu& cpu, Gprs& gprs, Reason) {
    L1World world{cpu, gprs};
    finish(world, emulate(world));
    if (relink == Relink::yes) cpu.relink = true;
}

[[gnu::noinline, gnu::flatten]] void vm_entry(Cpu& cpu, Gprs& gprs, Reason launch_or_resume) {
    L1World world{cpu, gprs};
    InstrOutcome outcome = emulate_vm_entry(world, launch_or_resume);
    if (outcome.kind == InstrOutcome::Kind::enter_l2) outcome = enter_l2(cpu);
    if (outcome.kind != InstrOutcome::Kind::enter_l2) finish(world, outcome);
}

}  // namespace

Why emulate_for_l1(Cpu& cpu, Gprs& gprs, Reason reason) {
    const auto instruction = reason == Reason::vmread     ? run<emulate_vmread>
                             : reason == Reason::vmwrite  ? run<emulate_vmwrite>
                             : reason == Reason::vmresume ? vm_entry
                             : reason == Reason::vmlaunch ? vm_entry
                             : reason == Reason::vmptrld  ? run<emulate_vmptrld, Relink::yes>
                             : reason == Reason::vmclear  ? run<emulate_vmclear, Relink::yes>
                             : reason == Reason::vmptrst  ? run<emulate_vmptrst>
                             : reason == Reason::invept   ? run<emulate_invept>
                             : reason == Reason::invvpid  ? run<emulate_invvpid>
                             : reason == Reason::vmxon    ? run<emulate_vmxon, Relink::yes>
                             : reason == Reason::vmxoff   ? run<emulate_vmxoff, Relink::yes>
                                                          : run<emulate_vmcall>;
    instruction(cpu, gprs, reason);
    return Why::l1_vmx_instruction;
}

}  // namespace kurma::l0
