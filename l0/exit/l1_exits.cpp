// L0's own answers to exits of L1.
#include <x86/msr.hpp>

#include "../perf/counter.hpp"
#include "../trace/death.hpp"
#include "../trace/log.hpp"
#include "../trace/trace.hpp"
#include "control_registers.hpp"
#include "l1_state.hpp"
#include "l1_world.hpp"
#include "ports.hpp"
#include "quick_answers.hpp"
#include "reinject.hpp"
#include "rooms.hpp"
#include "vmx_msrs.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// OSXSAVE and OSPKE mirror bits of the running CR4, which is L0's while L0 executes CPUID.
void mirror_cr4(Cpu& cpu, u64 cr4_bit, u64& word, u64 cpuid_bit) {
    const auto vmcs01 = vmcs01_after_exit(cpu);
    const bool set = (read(vmcs01, field::guest_cr4) & cr4_bit) != 0;
    word = set ? word | cpuid_bit : word & ~cpuid_bit;
}

/// The leaves that the processor does not answer alone (is_special_leaf).
void adjust_cpuid(Cpu& cpu, Gprs& gprs, u32 leaf) {
    constexpr u64 osxsave = 1u << 27, ospke = 1u << 4;
    if (leaf == features_leaf) mirror_cr4(cpu, x86::cr4::osxsave, gprs.value[Gprs::rcx], osxsave);
    if (leaf == extended_features_leaf) mirror_cr4(cpu, x86::cr4::pke, gprs.value[Gprs::rcx], ospke);
    if (cpu.machine->event.is_set()) {
        u64* const r = gprs.value;
        perf::hide_monitoring(leaf, {r[Gprs::rax], r[Gprs::rbx], r[Gprs::rcx], r[Gprs::rdx]});
    }
    // "KurmaKurmaKu" at the leaf where hypervisors say who they are; a processor answers it with other words.
    // The bit that announces a hypervisor (CPUID.1:ECX[31]) stays clear: L1 is to see the processor.
    if (leaf == signature_leaf) {
        gprs.value[Gprs::rax] = signature_leaf;
        gprs.value[Gprs::rbx] = 0x6d72754b;
        gprs.value[Gprs::rcx] = 0x72754b61;
        gprs.value[Gprs::rdx] = 0x754b616d;
    }
}

void answer_cpuid(Cpu& cpu, Gprs& gprs) {
    const u32 leaf = static_cast<u32>(gprs.value[Gprs::rax]);
    execute_cpuid(gprs);
    adjust_cpuid(cpu, gprs, leaf);
}

InstrOutcome answer_xsetbv(L1World& world, const Gprs& gprs) {
    if (read(world.vmcs01(), field::guest_ss_access_rights).dpl() != 0)
        return InstrOutcome::faulted(x86::Fault::gp());
    const u64 value = (gprs.value[Gprs::rdx] << 32) | (gprs.value[Gprs::rax] & 0xffffffff);
    return hw::xsetbv_safe(static_cast<u32>(gprs.value[Gprs::rcx]), value)
               ? InstrOutcome::succeed()
               : InstrOutcome::faulted(x86::Fault::gp());
}

/// Device memory enters ept01 at first touch; L0's own memory never does.
void map_for_l1(Cpu& cpu, L1World& world) {
    const u64 address = read(world.vmcs01(), field::guest_physical_address);
    const EptViolationQualification qualification{read(world.vmcs01(), field::exit_qualification)};
    const bool read_as_data = qualification.of_translation() && qualification.wanted() == ept::Access::read;
    if (!read_as_data || !cpu.machine->partition.let_l1_read(ept::L1Gpa{address}))
        map_device(cpu, ept::L1Gpa{address});
    reinject_after_l0_exit(world.vmcs01(), read(world.vmcs01(), field::idt_vectoring_info),
                           qualification.nmi_unblocking());
}

}  // namespace

template <>
Why answer_l1<Why::l1_cpuid>(Cpu& cpu, Gprs& gprs, Reason) {
    answer_cpuid(cpu, gprs);
    const auto vmcs01 = vmcs01_after_exit(cpu);
    advance(vmcs01);
    return Why::l1_cpuid;
}

template <>
Why answer_l1<Why::l1_control_call>(Cpu& cpu, Gprs& gprs, Reason) {
    if (!is_control_call(gprs)) {
        emulate_for_l1<Reason::vmcall>(cpu, gprs);
        return Why::l1_vmx_instruction;
    }
    cpu.at_turn_start = totals_before_turn(cpu);
    answer_control_call(cpu, gprs);
    const auto vmcs01 = vmcs01_after_exit(cpu);
    advance(vmcs01);
    cpu.totals = cpu.at_turn_start;
    // The entry that follows takes it back to where it was.
    --cpu.totals.vmresume;
    return Why::l1_control_call;
}

template <>
Why answer_l1<Why::l1_watched_state>(Cpu& cpu, Gprs&, Reason) {
    if (!stop_watching(cpu)) l1_died(cpu, "L1 left for a register that nobody watches");
    return Why::l1_watched_state;
}

template <>
Why answer_l1<Why::l1_vmx_msr>(Cpu& cpu, Gprs& gprs, Reason reason) {
    if (reason == Reason::wrmsr && watches_msr(static_cast<u32>(gprs.value[Gprs::rcx])) && stop_watching(cpu))
        return Why::l1_watched_state;
    L1World world{cpu, gprs};
    settle(world.vmcs01(), answer_vmx_msr(cpu, gprs, reason));
    return Why::l1_vmx_msr;
}

template <>
Why answer_l1<Why::l1_cr_fixed_bits>(Cpu& cpu, Gprs& gprs, Reason) {
    if (stop_watching(cpu)) return Why::l1_watched_state;
    L1World world{cpu, gprs};
    settle(world.vmcs01(), answer_cr_access(cpu, world));
    return Why::l1_cr_fixed_bits;
}

template <>
Why answer_l1<Why::l1_xsetbv>(Cpu& cpu, Gprs& gprs, Reason) {
    L1World world{cpu, gprs};
    settle(world.vmcs01(), answer_xsetbv(world, gprs));
    return Why::l1_xsetbv;
}

template <>
Why answer_l1<Why::l1_cache_instruction>(Cpu& cpu, Gprs&, Reason) {
    // INVD would throw away L0's own modified lines; writing them back first is within INVD's contract.
    hw::wbinvd();
    const auto vmcs01 = vmcs01_after_exit(cpu);
    advance(vmcs01);
    return Why::l1_cache_instruction;
}

template <>
Why answer_l1<Why::l1_getsec>(Cpu& cpu, Gprs&, Reason) {
    const auto vmcs01 = vmcs01_after_exit(cpu);
    settle(vmcs01, InstrOutcome::faulted(x86::Fault::ud()));
    return Why::l1_getsec;
}

template <>
Why answer_l1<Why::l1_power_port>(Cpu& cpu, Gprs& gprs, Reason) {
    L1World world{cpu, gprs};
    settle(world.vmcs01(), answer_port(cpu, world));
    return Why::l1_power_port;
}

template <>
Why answer_l1<Why::l1_ept_map>(Cpu& cpu, Gprs& gprs, Reason) {
    L1World world{cpu, gprs};
    map_for_l1(cpu, world);
    return Why::l1_ept_map;
}

template <>
Why answer_l1<Why::l1_died>(Cpu& cpu, Gprs&, Reason reason) {
    l1_died(cpu, reason == Reason::triple_fault ? "L1 triple-faulted"
                                                : "L1 left by an exit that Kurma does not handle");
}

}  // namespace kurma::l0
