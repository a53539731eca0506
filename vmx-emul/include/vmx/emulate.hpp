// EMULATE: one VMX instruction of L1, from its operands to its outcome.
//
// In:    a world (below) in which vmcs01 is current and L1 has just exited by the instruction.
// Out:   InstrOutcome. `finish` then moves L1 past the instruction and sets its flags, or makes the fault
// pending. Never: runs L2 (enter_l2 is handed on to check and merge), trusts an operand, reads L1's memory
// twice. Laws:  Round trip: VMREAD returns what VMWRITE wrote, masked to the field's width, across VMCLEAR
// and VMPTRLD. SDM:   3C chapter 31; which faults come before the exit: 3C 26.1.1.
#pragma once

#include <vmx/capability.hpp>
#include <vmx/instruction.hpp>
#include <vmx/nested.hpp>
#include <vmx/outcome.hpp>
#include <x86/linear.hpp>

namespace kurma::vmx {

/// What the emulation needs to know of the processor, L1's memory, and the VMCSs that L0 keeps.
template <class W>
concept InstructionWorld = x86::PagingMemory<W> &&
    requires(W& w, unsigned gpr, u64 value, ept::L1Gpa at, Vmcs12& v, FieldId id, u16 vpid) {
    w.vmcs01().read_raw(id);
    { w.gpr(gpr) } -> std::same_as<u64>;
    w.set_gpr(gpr, value);
    /// CR0 and CR4 as L1 sees them; CR2, which only a page fault sets.
    { w.cr0_of_l1() } -> std::same_as<u64>;
    { w.cr4_of_l1() } -> std::same_as<u64>;
    w.set_cr2(value);
    /// x86::translate_linear of this memory.
    {
        w.translate_linear(x86::PagingRegisters{}, value, x86::DataAccess::read)
        } -> std::same_as<x86::Translation>;
    /// Up to eight bytes of L1's memory. Where there is none, reads give ones and writes are lost.
    { w.read_bytes(at, gpr) } -> std::same_as<u64>;
    w.write_bytes(at, value, gpr);
    { w.nested() } -> std::same_as<NestedState&>;
    { w.offered() } -> std::same_as<const Capabilities&>;
    /// Whether the features that L1 is offered bring the field along.
    { w.field_exists(id) } -> std::same_as<bool>;
    /// The active VMCS at an address, or null.
    { w.find_active(at) } -> std::same_as<Vmcs12*>;
    /// Loads the VMCS at an address from L1's memory, making room if need be.
    { w.activate(at) } -> std::same_as<Vmcs12*>;
    /// Writes an active VMCS back to L1's memory as clear, and forgets it.
    w.deactivate_clear(v);
    /// Marks the inactive VMCS at an address as clear, in L1's memory.
    w.mark_clear(at);
    { w.read_home02(v, id) } -> std::same_as<u64>;
    w.write_home02(v, id, value);
    w.drop_ept02(ept::Eptp{});
    w.drop_all_ept02();
    w.drop_vpid02(vpid);
    w.drop_all_vpid02();
};

/// What the quick forms need: registers, RSP's place holding what encodes no field; vmx::plain_field for the
/// fields that L1 finds; two ways to end, which are false and true.
template <class W>
concept QuickInstructionWorld = requires(W& w, unsigned gpr, u64 value) {
    w.vmcs01().read_raw(FieldId{});
    { w.nested() } -> std::same_as<NestedState&>;
    { w.gpr(gpr) } -> std::same_as<u64>;
    w.set_gpr(gpr, value);
    { w.plain_field(value) } -> std::same_as<PlainField>;
    /// Whether the current vmcs12's vmcs02 is at hand, and no shadow VMCS; then its fields by encoding.
    { w.reaches_vmcs02() } -> std::same_as<bool>;
    { w.read_vmcs02(value) } -> std::same_as<u64>;
    w.write_vmcs02(value, value);
    { w.leave_undone() } -> std::same_as<bool>;
    { w.done() } -> std::same_as<bool>;
};

template <InstructionWorld W>
InstrOutcome emulate_vmread(W& world);
template <InstructionWorld W>
InstrOutcome emulate_vmwrite(W& world);
/// VMREAD and VMWRITE in the form in which hypervisors use them most: in 64-bit mode, with register operands
/// other than RSP, of a plain field. True if it was that, and all of it is done, `finish`
/// included; false if it is for the functions above, and nothing is done.
template <QuickInstructionWorld W>
bool emulate_vmread_quickly(W& world);
template <QuickInstructionWorld W>
bool emulate_vmwrite_quickly(W& world);
template <InstructionWorld W>
InstrOutcome emulate_vmxon(W& world);
template <InstructionWorld W>
InstrOutcome emulate_vmxoff(W& world);
template <InstructionWorld W>
InstrOutcome emulate_vmclear(W& world);
template <InstructionWorld W>
InstrOutcome emulate_vmptrld(W& world);
template <InstructionWorld W>
InstrOutcome emulate_vmptrst(W& world);
/// VMLAUNCH and VMRESUME up to the point where the checks of VM entry begin.
template <InstructionWorld W>
InstrOutcome emulate_vm_entry(W& world, Reason launch_or_resume);
template <InstructionWorld W>
InstrOutcome emulate_invept(W& world);
template <InstructionWorld W>
InstrOutcome emulate_invvpid(W& world);
/// VMCALL by L1 that is not for Kurma: L1 is in VMX root operation as it sees it, without a dual monitor.
template <InstructionWorld W>
InstrOutcome emulate_vmcall(W& world);

/// Makes an outcome visible to L1: flags and the next instruction, or a fault.
template <InstructionWorld W>
void finish(W& world, const InstrOutcome& outcome);

}  // namespace kurma::vmx

#include "../../src/instr/emulate.ipp"
#include "../../src/instr/quick.ipp"
