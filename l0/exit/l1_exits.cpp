// L0's own answers to exits of L1.
#include <x86/msr.hpp>

#include "../trace/death.hpp"
#include "../trace/log.hpp"
#include "control_registers.hpp"
#include "l1_world.hpp"
#include "ports.hpp"
#include "reinject.hpp"
#include "rooms.hpp"
#include "vmx_msrs.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

/// "KurmaKurmaKu" at the leaf where hypervisors say who they are; a processor answers it with other words.
/// The bit that announces a hypervisor (CPUID.1:ECX[31]) stays clear: L1 is to see the processor.
constexpr u32 signature_leaf = 0x40000000;

void mirror_cr4(L1World& world, u64 cr4_bit, u32& word, u32 cpuid_bit) {
    const bool set = (read(world.vmcs01(), field::guest_cr4) & cr4_bit) != 0;
    word = set ? word | cpuid_bit : word & ~cpuid_bit;
}

void answer_cpuid(L1World& world, Gprs& gprs) {
    const u32 leaf = static_cast<u32>(gprs.value[Gprs::rax]);
    hw::CpuidResult r = hw::cpuid(leaf, static_cast<u32>(gprs.value[Gprs::rcx]));
    // OSXSAVE and OSPKE mirror bits of the running CR4, which is L0's here.
    if (leaf == 1) [[unlikely]] {
        constexpr u32 osxsave = 1u << 27;
        mirror_cr4(world, x86::cr4::osxsave, r.ecx, osxsave);
    } else if (leaf == 7) [[unlikely]] {
        constexpr u32 ospke = 1u << 4;
        mirror_cr4(world, x86::cr4::pke, r.ecx, ospke);
    } else if (leaf == signature_leaf) [[unlikely]] {
        r = {signature_leaf, 0x6d72754b, 0x72754b61, 0x754b616d};
    }
    gprs.value[Gprs::rax] = r.eax;
    gprs.value[Gprs::rbx] = r.ebx;
    gprs.value[Gprs::rcx] = r.ecx;
    gprs.value[Gprs::rdx] = r.edx;
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
    map_device(cpu, ept::L1Gpa{address});
    reinject_after_l0_exit(world.vmcs01(), read(world.vmcs01(), field::idt_vectoring_info),
                           qualification.nmi_unblocking());
}

}  // namespace

Why handle_l1_exit(Cpu& cpu, Gprs& gprs, Reason reason, Why why) {
    L1World world{cpu, gprs};
    if (why == Why::l1_cpuid) {
        answer_cpuid(world, gprs);
        advance(world.vmcs01());
    } else if (why == Why::l1_control_call) {
        if (!is_control_call(gprs)) return emulate_for_l1(cpu, gprs, Reason::vmcall);
        answer_control_call(cpu, gprs);
        advance(world.vmcs01());
    } else if (why == Why::l1_vmx_msr) {
        settle(world.vmcs01(), answer_vmx_msr(cpu, gprs, reason));
    } else if (why == Why::l1_cr_fixed_bits) {
        settle(world.vmcs01(), answer_cr_access(cpu, world));
    } else if (why == Why::l1_xsetbv) {
        settle(world.vmcs01(), answer_xsetbv(world, gprs));
    } else if (why == Why::l1_cache_instruction) {
        // INVD would throw away L0's own modified lines; writing them back first is within INVD's contract.
        hw::wbinvd();
        advance(world.vmcs01());
    } else if (why == Why::l1_getsec) {
        settle(world.vmcs01(), InstrOutcome::faulted(x86::Fault::ud()));
    } else if (why == Why::l1_power_port) {
        settle(world.vmcs01(), answer_port(cpu, world));
    } else if (why == Why::l1_ept_map) {
        map_for_l1(cpu, world);
    } else {
        l1_died(cpu, reason == Reason::triple_fault ? "L1 triple-faulted"
                                                    : "L1 left by an exit that Kurma does not handle");
    }
    return why;
}

}  // namespace kurma::l0
