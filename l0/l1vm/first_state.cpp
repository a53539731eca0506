#include "first_state.hpp"

#include <x86/msr.hpp>
#include <x86/rflags.hpp>

#include "../cpu/vmcs.hpp"
#include "../hw/cpu.hpp"

namespace kurma::l0::l1vm {

using namespace vmx;

namespace {

using Vmcs01 = CurrentVmcs<Which::vmcs01>;

void write_segments(const Vmcs01& vmcs, const StartState& start) {
    constexpr u32 flat = 0xffffffff;
    write(vmcs, field::guest_cs_selector, start.code_selector);
    write(vmcs, field::guest_cs_base, 0);
    write(vmcs, field::guest_cs_limit, flat);
    write(vmcs, field::guest_cs_access_rights, AccessRights::flat_code(false, true));
    const auto data = [&](auto selector, auto base, auto limit, auto rights) {
        write(vmcs, selector, start.data_selector);
        write(vmcs, base, 0);
        write(vmcs, limit, flat);
        write(vmcs, rights, AccessRights::flat_data());
    };
    using namespace field;
    data(guest_ds_selector, guest_ds_base, guest_ds_limit, guest_ds_access_rights);
    data(guest_es_selector, guest_es_base, guest_es_limit, guest_es_access_rights);
    data(guest_fs_selector, guest_fs_base, guest_fs_limit, guest_fs_access_rights);
    data(guest_gs_selector, guest_gs_base, guest_gs_limit, guest_gs_access_rights);
    data(guest_ss_selector, guest_ss_base, guest_ss_limit, guest_ss_access_rights);
    write(vmcs, guest_ldtr_selector, 0);
    write(vmcs, guest_ldtr_base, 0);
    write(vmcs, guest_ldtr_limit, 0);
    write(vmcs, guest_ldtr_access_rights, AccessRights::unusable_segment());
    write(vmcs, guest_tr_selector, 0);
    write(vmcs, guest_tr_base, 0);
    write(vmcs, guest_tr_limit, 0xffff);
    write(vmcs, guest_tr_access_rights, AccessRights::busy_tss());
    write(vmcs, guest_gdtr_base, 0);
    write(vmcs, guest_gdtr_limit, 0);
    write(vmcs, guest_idtr_base, 0);
    write(vmcs, guest_idtr_limit, 0);
}

void write_registers(const Vmcs01& vmcs, const StartState& start) {
    const u64 cr0 = x86::cr0::pe | x86::cr0::et;
    write(vmcs, field::guest_cr0, cr0 | x86::cr0::ne);
    write(vmcs, field::cr0_read_shadow, cr0);
    write(vmcs, field::guest_cr3, 0);
    write(vmcs, field::guest_cr4, x86::cr4::vmxe);
    write(vmcs, field::cr4_read_shadow, 0);
    write(vmcs, field::guest_efer, 0);
    write(vmcs, field::guest_pat, hw::rdmsr(x86::msr::pat));
    write(vmcs, field::guest_debugctl, 0);
    write(vmcs, field::guest_dr7, x86::dr7::after_reset);
    write(vmcs, field::guest_rip, start.rip);
    write(vmcs, field::guest_rsp, 0);
    write(vmcs, field::guest_rflags, x86::rflags::reserved_one);
    write(vmcs, field::guest_sysenter_cs, 0);
    write(vmcs, field::guest_sysenter_esp, 0);
    write(vmcs, field::guest_sysenter_eip, 0);
    write(vmcs, field::guest_interruptibility, 0);
    write(vmcs, field::guest_activity_state, static_cast<u32>(ActivityState::active));
    write(vmcs, field::guest_pending_debug_exceptions, 0);
}

}  // namespace

void write_first_state(Cpu& cpu, const StartState& start) {
    const Vmcs01 vmcs = make_vmcs01_current(cpu);
    write_segments(vmcs, start);
    write_registers(vmcs, start);
    cpu.gprs = {};
    cpu.gprs.value[Gprs::rax] = start.rax;
    cpu.gprs.value[Gprs::rbx] = start.rbx;
    cpu.gprs.value[Gprs::rsi] = start.rsi;
}

}  // namespace kurma::l0::l1vm
