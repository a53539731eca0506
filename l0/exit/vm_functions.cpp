// VMFUNC of L2: hardware has VM functions on and none allowed for vmcs02, so that each of them exits.
#include "../cpu/vmcs.hpp"
#include "ept02.hpp"
#include "l2_instruction.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::Eptp;

namespace {

constexpr u64 functions = 64, eptp_list_entries = 512;

/// The EPT pointer that EPTP switching (function 0) is to load, if it is one that VM entry would take (SDM
/// 3C 26.5.6.3).
std::optional<Eptp> listed_eptp(const Cpu& cpu, const Vmcs12& v, u64 index) {
    if (index >= eptp_list_entries) return std::nullopt;
    const auto host =
        cpu.machine->partition.translate(ept::L1Gpa{v.get(field::eptp_list_address) + index * sizeof(u64)});
    const Eptp eptp{host ? *mm::at<volatile u64>(*host) : ~u64{0}};
    return eptp.valid(cpu.machine->offered.ept()) ? std::optional{eptp} : std::nullopt;
}

}  // namespace

Why perform_vm_function(Cpu& cpu, Gprs& gprs, const L2Exit& exit) {
    VmcsSlot& slot = *cpu.running;
    Vmcs12& v = slot.vmcs12;
    const u64 function = gprs.value[Gprs::rax] & 0xffffffff, index = gprs.value[Gprs::rcx] & 0xffffffff;
    const bool allowed = function < functions && ((v.get(field::vm_function_controls) >> function) & 1) != 0;
    // EPTP switching is the only function that L1 is offered, and so the only one that it can allow.
    const std::optional<Eptp> eptp = allowed ? listed_eptp(cpu, v, index) : std::nullopt;
    if (!eptp) return reflect_to_l1(cpu, exit, Why::l2_controls_of_l1);
    v.set(field::eptp, *eptp);
    if (cpu.machine->offered.may(Secondary::ept_violation_ve))
        v.set(field::eptp_index, static_cast<u16>(index));
    slot.ept02 = &ept02_for(cpu, *eptp);
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    write(vmcs02, field::eptp, slot.ept02->eptp02);
    advance_l2(slot, vmcs02);
    return Why::l2_vm_function;
}

}  // namespace kurma::l0
