#include "control_registers.hpp"

#include "../trace/death.hpp"
#include "pdptes.hpp"

namespace kurma::l0 {

using namespace vmx;
using x86::Fault;

namespace {

const InstrOutcome refused = InstrOutcome::faulted(Fault::gp());

/// PAE paging takes its PDPTEs from the VMCS where EPT is on, so L0 loads them as MOV to CR would (SDM
/// 3A 4.4.1).
InstrOutcome load_pdptes(L1World& world) {
    const u64 table = read(world.vmcs01(), field::guest_cr3) & 0xffffffe0;
    u64 pdpte[4];
    for (unsigned i = 0; i < 4; ++i) {
        constexpr u64 present = 1, reserved = 0x1e6;
        pdpte[i] = world.read_u64(ept::L1Gpa{table + i * 8}).value_or(0);
        if ((pdpte[i] & present) != 0 && (pdpte[i] & reserved) != 0) return refused;
    }
    write_pdptes(world.vmcs01(), pdpte);
    return InstrOutcome::succeed();
}

/// Turning paging on or off moves in and out of IA-32e mode as EFER.LME says (SDM 3A 9.8.5).
InstrOutcome switch_paging(L1World& world, bool on) {
    auto& vmcs01 = world.vmcs01();
    const u64 efer = read(vmcs01, field::guest_efer);
    const u64 cr4 = read(vmcs01, field::guest_cr4);
    const EntryControls entry = read(vmcs01, field::entry_controls);
    const bool long_code = read(vmcs01, field::guest_cs_access_rights).long_mode_code();
    if (!on) {
        if ((efer & x86::efer::lma) != 0 && long_code) return refused;
        write(vmcs01, field::guest_efer, efer & ~x86::efer::lma);
        write(vmcs01, field::entry_controls, entry.without(Entry::ia32e_mode_guest));
        return InstrOutcome::succeed();
    }
    if ((efer & x86::efer::lme) != 0) {
        if ((cr4 & x86::cr4::pae) == 0 || long_code) return refused;
        write(vmcs01, field::guest_efer, efer | x86::efer::lma);
        write(vmcs01, field::entry_controls, entry.with(Entry::ia32e_mode_guest));
        return InstrOutcome::succeed();
    }
    return (cr4 & x86::cr4::pae) != 0 ? load_pdptes(world) : InstrOutcome::succeed();
}

InstrOutcome move_to_cr0(Cpu& cpu, L1World& world, u64 value) {
    using namespace x86::cr0;
    auto& vmcs01 = world.vmcs01();
    const Capabilities& offered = cpu.machine->offered;
    if ((value >> 32) != 0) return refused;
    if ((value & pg) != 0 && (value & pe) == 0) return refused;
    if ((value & nw) != 0 && (value & cd) == 0) return refused;
    if (cpu.nested.in_vmx_operation && (value & offered.cr0_fixed0) != offered.cr0_fixed0) return refused;
    const u64 before = read(vmcs01, field::guest_cr0);
    if (((before ^ value) & pg) != 0) {
        const InstrOutcome switched = switch_paging(world, (value & pg) != 0);
        if (switched.kind == InstrOutcome::Kind::fault) return switched;
    }
    write(vmcs01, field::guest_cr0, value | ne | et);
    write(vmcs01, field::cr0_read_shadow, value | et);
    return InstrOutcome::succeed();
}

InstrOutcome move_to_cr4(Cpu& cpu, L1World& world, u64 value) {
    using namespace x86::cr4;
    auto& vmcs01 = world.vmcs01();
    const Capabilities& host = cpu.machine->host;
    if ((value & ~host.cr4_fixed1) != 0) return refused;
    if (cpu.nested.in_vmx_operation && (value & vmxe) == 0) return refused;
    const u64 before = read(vmcs01, field::guest_cr4);
    const bool long_mode = (read(vmcs01, field::guest_efer) & x86::efer::lma) != 0;
    if (long_mode && (value & pae) == 0) return refused;
    const bool sets_pcide = (value & pcide) != 0 && (before & pcide) == 0;
    if (sets_pcide && (!long_mode || (read(vmcs01, field::guest_cr3) & 0xfff) != 0)) return refused;
    write(vmcs01, field::guest_cr4, value | vmxe);
    write(vmcs01, field::cr4_read_shadow, value);
    const bool paging = (read(vmcs01, field::guest_cr0) & x86::cr0::pg) != 0;
    constexpr u64 reloads_pdptes = pae | pse | pge | smep;
    if (paging && !long_mode && (value & pae) != 0 && ((before ^ value) & reloads_pdptes) != 0)
        return load_pdptes(world);
    return InstrOutcome::succeed();
}

}  // namespace

InstrOutcome answer_cr_access(Cpu& cpu, L1World& world) {
    const CrAccessQualification access{read(world.vmcs01(), field::exit_qualification)};
    if (access.kind() != CrAccessQualification::Kind::mov_to_cr)
        l1_died(cpu, "L1 changed CR0 by an instruction that Kurma does not expect", access.raw);
    u64 value = world.gpr(access.gpr());
    if (!instr::long_mode_code(world.vmcs01())) value &= 0xffffffff;
    if (access.control_register() == 0) return move_to_cr0(cpu, world, value);
    if (access.control_register() == 4) return move_to_cr4(cpu, world, value);
    l1_died(cpu, "L1 changed a control register that Kurma does not watch", access.raw);
}

}  // namespace kurma::l0
