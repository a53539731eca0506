// L0's own answers to exits of L2 that L1 did not ask for: L2 is to find what L1 would find.
#include "../trace/death.hpp"
#include "l1_shadowing.hpp"
#include "l2_instruction.hpp"
#include "nested_entry.hpp"
#include "ports.hpp"
#include "rooms.hpp"
#include "vmx_msrs.hpp"

namespace kurma::l0 {

using namespace vmx;

Why handle_l2_exit(Cpu& cpu, Gprs& gprs, const L2Exit& exit, Why why) {
    const auto vmcs02 = make_vmcs02_current(cpu, *cpu.running);
    entry_is_over(*cpu.running, vmcs02);
    InstrOutcome outcome{};
    if (why == Why::l2_vm_function) return perform_vm_function(cpu, gprs, exit);
    if (why == Why::l2_shadowed_field) return answer_shadowed_field(cpu, gprs, exit);
    if (why == Why::l2_msr_l0_only) {
        outcome = answer_vmx_msr(cpu, gprs, exit.reason.basic());
    } else if (why == Why::l2_io_l0_only) {
        outcome = answer_port_access(cpu, gprs, exit.io);
    } else if (why == Why::l2_nmi_of_l0) {
        cpu.nmi_pending = true;
        return why;
    } else {
        l1_died(cpu, "an exit of L2 that Kurma does not handle");
    }
    if (outcome.kind == InstrOutcome::Kind::fault) return raise_in_l2(cpu, *cpu.running, outcome.fault, why);
    advance_l2(*cpu.running, vmcs02);
    return why;
}

}  // namespace kurma::l0
