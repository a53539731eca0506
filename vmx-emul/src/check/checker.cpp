// Which groups of checks an entry needs, and who makes the proof that they passed.
#include "groups.hpp"

namespace kurma::vmx {

namespace {

CheckResult first_broken_control(const Vmcs12& v, const Capabilities& offered, Groups groups) {
    for (usize i = 0; i < control_group_count; ++i) {
        if (((groups >> i) & 1) == 0) continue;
        if (const CheckResult result = control_groups[i].check(v, offered); !result.passed()) return result;
    }
    return {};
}

CheckResult first_broken_host_state(const Vmcs12& v, const Capabilities& offered, L1Mode mode,
                                    Groups groups) {
    for (usize i = 0; i < std::size(host_groups); ++i) {
        if (((groups >> (control_group_count + i)) & 1) == 0) continue;
        if (const CheckResult result = host_groups[i].check(v, offered, mode); !result.passed())
            return result;
    }
    return {};
}

/// The groups whose answer may be another than at the last proof.
Groups open_groups(const Vmcs12& v, L1Mode mode) {
    if (!v.others_checked) return all_groups;
    Groups groups = v.checked_mode == mode ? 0 : mode_group;
    v.dirty.for_each([&](FieldId id) { groups |= groups_of[static_cast<usize>(id)]; });
    return groups;
}

}  // namespace

CheckResult check_controls(const Vmcs12& vmcs12, const Capabilities& offered) {
    return first_broken_control(vmcs12, offered, all_groups);
}

CheckResult check_host_state(const Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode) {
    return first_broken_host_state(vmcs12, offered, mode, all_groups);
}

std::optional<CheckedVmcs12> Checker::run(Vmcs12& vmcs12, const Task& task, CheckResult& failure,
                                          VmInstructionError& error) {
    failure = first_broken_control(vmcs12, task.offered, task.groups);
    error = VmInstructionError::entry_invalid_control;
    if (!failure.passed()) return std::nullopt;
    failure = first_broken_host_state(vmcs12, task.offered, task.mode, task.groups);
    error = VmInstructionError::entry_invalid_host_state;
    if (!failure.passed()) return std::nullopt;
    vmcs12.checked = vmcs12.others_checked = true;
    vmcs12.checked_mode = task.mode;
    return CheckedVmcs12{vmcs12};
}

std::optional<CheckedVmcs12> Checker::check_changed(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                                    CheckResult& failure, VmInstructionError& error) {
    return run(vmcs12, {offered, mode, open_groups(vmcs12, mode)}, failure, error);
}

std::optional<CheckedVmcs12> Checker::check_all(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                                CheckResult& failure, VmInstructionError& error) {
    auto proof = run(vmcs12, {offered, mode, all_groups}, failure, error);
    vmcs12.checked = false;
    return proof;
}

std::optional<CheckedVmcs12> Checker::check_for_processor(Vmcs12& vmcs12, const Capabilities& offered,
                                                          L1Mode mode, CheckResult& failure,
                                                          VmInstructionError& error) {
    return run(vmcs12, {offered, mode, open_groups(vmcs12, mode) & ~groups_of_processor}, failure, error);
}

}  // namespace kurma::vmx
