// Checks of VM-exit and VM-entry control fields, in the order of SDM 3C 27.2.1.2 and 27.2.1.3.
#include "groups.hpp"

namespace kurma::vmx::control_checks {

namespace {

/// An area of 16-byte entries (SDM 3C 25.7.2): aligned, and its last byte within the physical-address width.
bool msr_area(u64 address, u32 count, const Capabilities& offered) {
    if (count == 0) return true;
    const u64 last = address + u64{count} * 16 - 1;
    return (address & 0xf) == 0 && (address >> offered.physical_address_width) == 0 &&
           (last >> offered.physical_address_width) == 0;
}

}  // namespace

CheckResult check_exit_word(const Vmcs12& v, const Capabilities& offered) {
    const ExitControls exit = v.get(field::exit_controls);
    if (!offered.effective_exit().allows(exit.raw)) return {CheckId::exit_reserved, exit.raw};
    return {};
}

CheckResult check_saved_timer(const Vmcs12& v, const Capabilities&) {
    const ExitControls exit = v.get(field::exit_controls);
    if (exit.has(Exit::save_preemption_timer) && !v.get(field::pin_controls).has(Pin::preemption_timer))
        return {CheckId::timer_for_save_timer, exit.raw};
    return {};
}

CheckResult check_exit_areas(const Vmcs12& v, const Capabilities& offered) {
    if (!msr_area(v.get(field::exit_msr_store_address), v.get(field::exit_msr_store_count), offered))
        return {CheckId::exit_msr_store_area, v.get(field::exit_msr_store_address)};
    if (!msr_area(v.get(field::exit_msr_load_address), v.get(field::exit_msr_load_count), offered))
        return {CheckId::exit_msr_load_area, v.get(field::exit_msr_load_address)};
    return {};
}

CheckResult check_entry(const Vmcs12& v, const Capabilities& offered) {
    const EntryControls entry = v.get(field::entry_controls);
    if (!offered.effective_entry().allows(entry.raw)) return {CheckId::entry_reserved, entry.raw};
    if (!msr_area(v.get(field::entry_msr_load_address), v.get(field::entry_msr_load_count), offered))
        return {CheckId::entry_msr_load_area, v.get(field::entry_msr_load_address)};
    return {};
}

}  // namespace kurma::vmx::control_checks
