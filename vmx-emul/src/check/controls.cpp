// Checks of VM-exit and VM-entry control fields, in the order of SDM 3C 27.2.1.2 and 27.2.1.3, and who makes
// the proof that all the checks passed.
#include "execution_controls.hpp"

namespace kurma::vmx {

namespace {

/// An area of 16-byte entries (SDM 3C 25.7.2): aligned, and its last byte within the physical-address width.
bool msr_area(u64 address, u32 count, const Capabilities& offered) {
    if (count == 0) return true;
    const u64 last = address + u64{count} * 16 - 1;
    return (address & 0xf) == 0 && (address >> offered.physical_address_width) == 0 &&
           (last >> offered.physical_address_width) == 0;
}

CheckResult check_exit_and_entry(const Vmcs12& v, const Capabilities& offered) {
    const ExitControls exit = v.get(field::exit_controls);
    const EntryControls entry = v.get(field::entry_controls);
    if (!offered.effective_exit().allows(exit.raw)) return {CheckId::exit_reserved, exit.raw};
    if (exit.has(Exit::save_preemption_timer) && !v.get(field::pin_controls).has(Pin::preemption_timer))
        return {CheckId::timer_for_save_timer, exit.raw};
    if (!msr_area(v.get(field::exit_msr_store_address), v.get(field::exit_msr_store_count), offered))
        return {CheckId::exit_msr_store_area, v.get(field::exit_msr_store_address)};
    if (!msr_area(v.get(field::exit_msr_load_address), v.get(field::exit_msr_load_count), offered))
        return {CheckId::exit_msr_load_area, v.get(field::exit_msr_load_address)};
    if (!offered.effective_entry().allows(entry.raw)) return {CheckId::entry_reserved, entry.raw};
    if (!msr_area(v.get(field::entry_msr_load_address), v.get(field::entry_msr_load_count), offered))
        return {CheckId::entry_msr_load_area, v.get(field::entry_msr_load_address)};
    return {};
}

}  // namespace

CheckResult check_controls(const Vmcs12& vmcs12, const Capabilities& offered) {
    const CheckResult execution = check_execution_controls(vmcs12, offered);
    return execution.passed() ? check_exit_and_entry(vmcs12, offered) : execution;
}

std::optional<CheckedVmcs12> Checker::check(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                            CheckResult& failure, VmInstructionError& error) {
    if (!vmcs12.checked || vmcs12.checked_mode != mode) {
        failure = check_controls(vmcs12, offered);
        error = VmInstructionError::entry_invalid_control;
        if (!failure.passed()) return std::nullopt;
        failure = check_host_state(vmcs12, offered, mode);
        error = VmInstructionError::entry_invalid_host_state;
        if (!failure.passed()) return std::nullopt;
        vmcs12.checked = true;
        vmcs12.checked_mode = mode;
    }
    return CheckedVmcs12{vmcs12};
}

}  // namespace kurma::vmx
