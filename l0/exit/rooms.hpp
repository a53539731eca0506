// The rooms of a turn. Where only the room can see all of why, it returns the why that the trace is to count.
#pragma once

#include <vmx/outcome.hpp>
#include <vmx/route.hpp>

#include "../cpu/cpu.hpp"

namespace kurma::l0 {

/// A VMX instruction of L1 other than VMLAUNCH and VMRESUME. There is one for each.
template <vmx::Reason instruction>
void emulate_for_l1(Cpu& cpu, Gprs& gprs);
/// VMLAUNCH or VMRESUME, after which either level may run.
void emulate_vm_entry_for_l1(Cpu& cpu, Gprs& gprs, vmx::Reason launch_or_resume);
/// An exit of L1 that is L0's own.
template <vmx::Why why>
vmx::Why answer_l1(Cpu& cpu, Gprs& gprs, vmx::Reason reason);

/// An exit of L2 that only L0 asked for.
[[gnu::noinline]] vmx::Why handle_l2_exit(Cpu& cpu, Gprs& gprs, const vmx::L2Exit& exit, vmx::Why why);
/// A fault in ept02: filled, or L1's own.
vmx::Why compose_for_l2(Cpu& cpu);
/// VMFUNC of L2, which vmcs12 may allow.
vmx::Why perform_vm_function(Cpu& cpu, Gprs& gprs, const vmx::L2Exit& exit);
/// An exit of L2 that L1 wants.
vmx::Why reflect_to_l1(Cpu& cpu, const vmx::L2Exit& exit, vmx::Why why);

/// Checks and merges the current vmcs12, and makes L2 the level that runs next. What went wrong is for
/// `finish`, unless the entry failed after its checks: then L1 has seen an exit and the outcome is enter_l2.
vmx::InstrOutcome enter_l2(Cpu& cpu);
/// The processor refused VMLAUNCH or VMRESUME of vmcs02 for its controls: the answer is L1's.
void refused_by_hardware(Cpu& cpu, Gprs& gprs);
/// Takes back what the entry that is under way has noted, because hardware refused it.
void entry_did_not_happen(Cpu& cpu, VmcsSlot& slot);

/// VMCALL of L1 with Kurma's signature.
[[gnu::noinline]] void answer_control_call(Cpu& cpu, Gprs& gprs);
bool is_control_call(const Gprs& gprs);

}  // namespace kurma::l0
