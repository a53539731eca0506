#include "knobs.hpp"

#include "../cpu/vmcs.hpp"
#include "../trace/trace.hpp"
#include "bitmaps.hpp"
#include "entry_checks.hpp"
#include "ept02.hpp"
#include "l1_state.hpp"
#include "shadow_vmcs.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;

const char* impossible_here(const Machine& machine, const Policy& policy) {
    const bool shadowing = machine.host.may(Secondary::vmcs_shadowing);
    if (policy.vmcs_access == VmcsAccess::shadow_direct && !shadowing)
        return "vmcs_access=shadow-direct: this processor has no VMCS shadowing; leave the knob away, set it "
               "to trap, or choose a model that has it, such as corei7_haswell_4770";
    if (policy.vmcs_access == VmcsAccess::shadow_copy && !shadowing)
        return "vmcs_access=shadow-copy: this processor has no VMCS shadowing; leave the knob away, set it "
               "to trap, or choose a model that has it, such as corei7_haswell_4770";
    if (policy.vmcs_access == VmcsAccess::shadow_copy && !has_copied_fields(machine.host))
        return "vmcs_access=shadow-copy: this processor lacks a field that is copied; set it to trap or "
               "shadow-direct";
    return nullptr;
}

void resolve(const Machine& machine, Policy& policy) {
    VmcsAccess& access = policy.vmcs_access;
    if (access == VmcsAccess::best)
        access = machine.host.may(Secondary::vmcs_shadowing) ? VmcsAccess::shadow_direct : VmcsAccess::trap;
}

namespace {

/// Each knob that is more than a value somebody looks at has a line here.
void tell_owner(Cpu& cpu, std::string_view knob) {
    if (knob == "bitmap_merge") bitmaps_knob_changed(cpu);
    if (knob == "entry_checks") entry_checks_knob_changed(cpu);
    if (knob == "vmcs_access") vmcs_access_changed(cpu);
    if (knob == "vmcs02_cache") vmcs02_cache_changed(cpu);
    if (knob == "ept02_large_pages" || knob == "ept02_keep") ept02_knob_changed(cpu);
    if (knob == "vpid_l2") vpid_l2_changed(cpu);
    if (knob == "host_state") host_state_knob_changed(cpu);
    if (knob == "trace") set_trace_level(cpu, cpu.machine->policy.trace);
}

}  // namespace

KnobRefusal change_knob(Cpu& cpu, std::string_view knob, std::string_view value) {
    Policy wanted = cpu.machine->policy;
    switch (set_knob(wanted, knob, value, When::any_time)) {
        case KnobResult::unknown_knob: return {"there is no such knob; `list` names them", ""};
        case KnobResult::bad_value: return {"it takes ", find_knob(knob)->values};
        case KnobResult::only_at_boot:
            return {
                "L1 must find the same from its first instruction on; give it on Kurma's command line "
                "(--set)",
                ""};
        case KnobResult::accepted: break;
    }
    if (const char* const reason = impossible_here(*cpu.machine, wanted); reason != nullptr)
        return {reason, ""};
    resolve(*cpu.machine, wanted);
    cpu.machine->policy = wanted;
    tell_owner(cpu, knob);
    for (VmcsSlot& slot : cpu.slots) slot.prepared = false;
    make_vmcs01_current(cpu);
    return {};
}

}  // namespace kurma::l0
