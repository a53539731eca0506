// Each set of permissions at each level, for each access, with and without accessed and dirty flags (SDM
// 3C 29.3.3).
#include "cpu/instructions.hpp"
#include "sweeps/ept/ept.hpp"

namespace conformance::ept {
namespace {

void try_permissions(Level level, u64 permissions, Access access, bool accessed_dirty, u64 flags_before) {
    const Text name("permissions/", name_of(level), "/", permissions, "/", name_of(access),
                    accessed_dirty ? "/flags-" : "/plain-", flags_before >> 8);
    if (accessed_dirty && (rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) == 0)
        return print_absent(topic, name);
    Vcpu& vcpu = about_to(access, accessed_dirty);
    u64& entry = entry_of(level);
    entry = (entry & ~ept_entry::all) | permissions;
    for (const Level each : levels) entry_of(each) |= flags_before;
    invalidate();
    enter_and_print(name, vcpu);
}

}  // namespace

void sweep_permissions() {
    for (const Level level : levels)
        for (u64 permissions = 0; permissions <= ept_entry::all; ++permissions)
            for (const Access access : accesses)
                for (const bool accessed_dirty : {false, true})
                    try_permissions(level, permissions, access, accessed_dirty, 0);
    for (const u64 before : {ept_entry::accessed, ept_entry::dirty, ept_entry::accessed | ept_entry::dirty})
        for (const Access access : accesses)
            for (const bool accessed_dirty : {false, true})
                try_permissions(Level::pte, ept_entry::all, access, accessed_dirty, before);
}

}  // namespace conformance::ept
