#include "vmx_msrs.hpp"

#include <x86/msr.hpp>

#include "../hw/cpu.hpp"

namespace kurma::l0 {

using namespace x86::msr;

bool is_vmx_msr(u32 msr) { return msr == feature_control || (msr >= vmx_basic && msr <= vmx_vmfunc); }

bool is_hidden_msr(const Cpu& cpu, u32 msr) {
    return cpu.machine->event.is_set() && perf::is_hidden_msr(msr);
}

bool vmx_msr_value(const Cpu& cpu, u32 msr, u64& value) {
    const vmx::Capabilities& c = cpu.machine->offered;
    switch (msr) {
        case feature_control: value = cpu.nested.feature_control; return true;
        case vmx_basic: value = c.basic; return true;
        case vmx_pinbased_ctls: value = c.pin.raw; return true;
        case vmx_procbased_ctls: value = c.primary.raw; return true;
        case vmx_exit_ctls: value = c.exit.raw; return true;
        case vmx_entry_ctls: value = c.entry.raw; return true;
        case vmx_misc: value = c.misc; return true;
        case vmx_cr0_fixed0: value = c.cr0_fixed0; return true;
        case vmx_cr0_fixed1: value = c.cr0_fixed1; return true;
        case vmx_cr4_fixed0: value = c.cr4_fixed0; return true;
        case vmx_cr4_fixed1: value = c.cr4_fixed1; return true;
        case vmx_vmcs_enum: value = c.vmcs_enum; return true;
        case vmx_procbased_ctls2: value = c.secondary.raw; return c.has_secondary();
        case vmx_ept_vpid_cap:
            value = c.ept_vpid;
            return c.may(vmx::Secondary::enable_ept) || c.may(vmx::Secondary::enable_vpid);
        case vmx_true_pinbased_ctls: value = c.true_pin.raw; return c.has_true_controls();
        case vmx_true_procbased_ctls: value = c.true_primary.raw; return c.has_true_controls();
        case vmx_true_exit_ctls: value = c.true_exit.raw; return c.has_true_controls();
        case vmx_true_entry_ctls: value = c.true_entry.raw; return c.has_true_controls();
        case vmx_vmfunc: value = c.vmfunc; return c.may(vmx::Secondary::enable_vm_functions);
        default: return false;
    }
}

namespace {

/// What lies beyond the bitmap's ranges exits whether L0 wants it or not, and is the processor's to answer.
[[gnu::noinline]] bool access_other_msr(const Cpu& cpu, u32 msr, bool write, u64& value) {
    if (is_hidden_msr(cpu, msr)) return false;
    return write ? hw::wrmsr_safe(msr, value) : hw::rdmsr_safe(msr, value);
}

}  // namespace

vmx::InstrOutcome answer_vmx_msr(const Cpu& cpu, Gprs& gprs, vmx::Reason reason) {
    const u32 msr = static_cast<u32>(gprs.value[Gprs::rcx]);
    const bool write = reason == vmx::Reason::wrmsr;
    u64 value = gprs.value[Gprs::rdx] << 32 | (gprs.value[Gprs::rax] & 0xffffffff);
    // The VMX MSRs are read-only or locked.
    const bool done =
        is_vmx_msr(msr) ? !write && vmx_msr_value(cpu, msr, value) : access_other_msr(cpu, msr, write, value);
    if (!done) return vmx::InstrOutcome::faulted(x86::Fault::gp());
    if (write) return vmx::InstrOutcome::succeed();
    gprs.value[Gprs::rax] = value & 0xffffffff;
    gprs.value[Gprs::rdx] = value >> 32;
    return vmx::InstrOutcome::succeed();
}

void intercept_msr(ept::Hpa bitmap, u32 msr) {
    constexpr u32 writes = 2048;
    u8* const bits = mm::at<u8>(bitmap);
    const u8 bit = static_cast<u8>(1u << (msr % 8));
    bits[msr / 8] |= bit;
    bits[writes + msr / 8] |= bit;
}

void intercept_vmx_msrs(ept::Hpa bitmap) {
    intercept_msr(bitmap, feature_control);
    for (u32 msr = vmx_basic; msr <= vmx_vmfunc; ++msr) intercept_msr(bitmap, msr);
}

}  // namespace kurma::l0
