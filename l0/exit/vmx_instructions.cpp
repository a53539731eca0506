// EMULATE on metal: the glue between an exit of L1 and vmx::emulate.
#include "l1_state.hpp"
#include "l1_world.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// Whether an instruction may change what is current, or whether L1 is in VMX operation at all: then the
/// shadow VMCS is linked anew.
enum class Relink : bool { no, yes };

template <InstrOutcome (*emulate)(L1World&), Relink relink = Relink::no>
[[gnu::always_inline]] inline void run(Cpu& cpu, Gprs& gprs) {
    L1World world{cpu, gprs};
    finish(world, emulate(world));
    if (relink == Relink::yes) cpu.relink = true;
}

}  // namespace

template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmread>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmread>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmwrite>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmwrite>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmptrld>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmptrld, Relink::yes>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmclear>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmclear, Relink::yes>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmptrst>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmptrst>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::invept>(Cpu& cpu, Gprs& gprs) {
    run<emulate_invept>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::invvpid>(Cpu& cpu, Gprs& gprs) {
    run<emulate_invvpid>(cpu, gprs);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmxon>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmxon, Relink::yes>(cpu, gprs);
    hold_fixed_bits(cpu);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmxoff>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmxoff, Relink::yes>(cpu, gprs);
    hold_fixed_bits(cpu);
}
template <>
[[gnu::flatten]] void emulate_for_l1<Reason::vmcall>(Cpu& cpu, Gprs& gprs) {
    run<emulate_vmcall>(cpu, gprs);
}

void emulate_vm_entry_for_l1(Cpu& cpu, Gprs& gprs, Reason launch_or_resume) {
    L1World world{cpu, gprs};
    InstrOutcome outcome = emulate_vm_entry(world, launch_or_resume);
    if (outcome.kind == InstrOutcome::Kind::enter_l2) outcome = enter_l2(cpu);
    if (outcome.kind == InstrOutcome::Kind::enter_l2) return;
    make_vmcs01_current(cpu);
    finish(world, outcome);
}

}  // namespace kurma::l0
