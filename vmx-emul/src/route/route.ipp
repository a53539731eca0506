// The two tables of who answers what. They are constant expressions: where the reason is known, so is the
// answer.
#pragma once

#include <vmx/route.hpp>

namespace kurma::vmx {

constexpr Why route_l1(Reason reason) {
    switch (reason) {
        case Reason::cpuid: return Why::l1_cpuid;
        case Reason::vmclear:
        case Reason::vmlaunch:
        case Reason::vmptrld:
        case Reason::vmptrst:
        case Reason::vmread:
        case Reason::vmresume:
        case Reason::vmwrite:
        case Reason::vmxoff:
        case Reason::vmxon:
        case Reason::invept:
        case Reason::invvpid: return Why::l1_vmx_instruction;
        case Reason::vmcall: return Why::l1_control_call;
        case Reason::rdmsr:
        case Reason::wrmsr: return Why::l1_vmx_msr;
        case Reason::cr_access: return Why::l1_cr_fixed_bits;
        case Reason::xsetbv: return Why::l1_xsetbv;
        case Reason::invd: return Why::l1_cache_instruction;
        case Reason::getsec: return Why::l1_getsec;
        case Reason::io_instruction: return Why::l1_power_port;
        case Reason::ept_violation: return Why::l1_ept_map;
        case Reason::gdtr_idtr_access:
        case Reason::ldtr_tr_access:
        case Reason::mov_dr: return Why::l1_watched_state;
        // What follows cannot be asked for by vmcs01, or ends L1.
        case Reason::exception_or_nmi:
        case Reason::external_interrupt:
        case Reason::triple_fault:
        case Reason::init_signal:
        case Reason::sipi:
        case Reason::io_smi:
        case Reason::other_smi:
        case Reason::interrupt_window:
        case Reason::nmi_window:
        case Reason::task_switch:
        case Reason::hlt:
        case Reason::invlpg:
        case Reason::rdpmc:
        case Reason::rdtsc:
        case Reason::rsm:
        case Reason::invalid_guest_state:
        case Reason::msr_loading:
        case Reason::mwait:
        case Reason::monitor_trap_flag:
        case Reason::monitor:
        case Reason::pause:
        case Reason::machine_check_on_entry:
        case Reason::tpr_below_threshold:
        case Reason::apic_access:
        case Reason::virtualized_eoi:
        case Reason::ept_misconfiguration:
        case Reason::rdtscp:
        case Reason::preemption_timer:
        case Reason::wbinvd:
        case Reason::apic_write:
        case Reason::rdrand:
        case Reason::invpcid:
        case Reason::vmfunc:
        case Reason::encls:
        case Reason::rdseed:
        case Reason::pml_full:
        case Reason::xsaves:
        case Reason::xrstors: return Why::l1_died;
    }
    return Why::l1_died;
}

constexpr Why route_l2_fixed(const Vmcs12& vmcs12, const L2Exit& exit) {
    switch (exit.reason.basic()) {
        case Reason::exception_or_nmi:
            if (exit.interruption.type() != EventType::nmi) return Why::l2_exception_bitmap;
            return vmcs12.get(field::pin_controls).has(Pin::nmi_exiting) ? Why::l2_event_of_l1
                                                                         : Why::l2_nmi_of_l0;
        case Reason::external_interrupt:
        case Reason::init_signal:
        case Reason::sipi:
        case Reason::io_smi:
        case Reason::other_smi: return Why::l2_event_of_l1;
        case Reason::triple_fault: return Why::l2_triple_fault;
        case Reason::cpuid:
        case Reason::getsec:
        case Reason::invd:
        case Reason::xsetbv:
        case Reason::task_switch:
        case Reason::rsm: return Why::l2_unconditional;
        case Reason::vmcall:
        case Reason::vmclear:
        case Reason::vmlaunch:
        case Reason::vmptrld:
        case Reason::vmptrst:
        case Reason::vmresume:
        case Reason::vmxoff:
        case Reason::vmxon:
        case Reason::invept:
        case Reason::invvpid: return Why::l2_vmx_instruction;
        case Reason::vmread:
        case Reason::vmwrite:
            return vmcs12.secondary().has(Secondary::vmcs_shadowing) ? Why::l2_shadowed_field
                                                                     : Why::l2_vmx_instruction;
        case Reason::vmfunc:
            return vmcs12.get(field::vm_function_controls) != 0 ? Why::l2_vm_function
                                                                : Why::l2_controls_of_l1;
        case Reason::ept_violation: return Why::l2_ept02_fill;
        case Reason::ept_misconfiguration: return Why::l2_ept12_misconfiguration;
        case Reason::rdmsr:
        case Reason::wrmsr: return Why::l2_msr_bitmap;
        case Reason::io_instruction: return Why::l2_io_bitmap;
        case Reason::invalid_guest_state:
        case Reason::msr_loading:
        case Reason::machine_check_on_entry: return Why::l2_failed_entry;
        case Reason::interrupt_window:
        case Reason::nmi_window:
        case Reason::hlt:
        case Reason::invlpg:
        case Reason::rdpmc:
        case Reason::rdtsc:
        case Reason::cr_access:
        case Reason::mov_dr:
        case Reason::mwait:
        case Reason::monitor_trap_flag:
        case Reason::monitor:
        case Reason::pause:
        case Reason::tpr_below_threshold:
        case Reason::apic_access:
        case Reason::virtualized_eoi:
        case Reason::gdtr_idtr_access:
        case Reason::ldtr_tr_access:
        case Reason::rdtscp:
        case Reason::preemption_timer:
        case Reason::wbinvd:
        case Reason::apic_write:
        case Reason::rdrand:
        case Reason::invpcid:
        case Reason::encls:
        case Reason::rdseed:
        case Reason::pml_full:
        case Reason::xsaves:
        case Reason::xrstors: return Why::l2_controls_of_l1;
    }
    return Why::l2_unnamed_reason;
}

}  // namespace kurma::vmx
