// Pointers to regions, the current VMCS, and the fields of none (SDM 3C 31.2, 31.3).
#include "base/memory.hpp"
#include "sweeps/instructions/instructions.hpp"
#include "vmx/operation.hpp"

namespace conformance::instructions {
namespace {

void forget_current_vmcs() {
    u64 pointer = 0;
    if (vmptrst(pointer).succeeded() && pointer != ~u64{0} && !vmclear(pointer).succeeded())
        give_up("VMCLEAR failed");
}

// Everything that a pointer to a region can be.
void pointers(const char* name, u64 (*execute)(u64)) {
    for (unsigned number = 0; number < 12; ++number)
        instruction(Text(name, "-bit-", number), [=] { return execute(region.address() ^ bit(number)); });
    for (unsigned number = physical_width(); number < 64; ++number)
        instruction(Text(name, "-bit-", number), [=] { return execute(region.address() ^ bit(number)); });
    instruction(Text(name, "-vmxon-pointer"), [=] { return execute(vmxon_region()); });
    instruction(Text(name, "-nothing-there"), [=] { return execute(beyond_memory()); });
    instruction(Text(name, "-ones"), [=] { return execute(~u64{0}); });
}

void revisions(const char* name) {
    const u32 revision = vmcs_revision();
    for (const u32 word :
         {revision, revision | shadow_indicator, revision + 1, (revision + 1) | shadow_indicator, 0u}) {
        *at_address<u32>(region.address()) = word;
        instruction(Text(name, "-revision-", hex(word)), [] { return vmptrld_flags(region.address()); });
    }
    prepare_region(region);
}

void read_and_write(const char* name) {
    constexpr u64 read_only = field::exit_reason.encoding, writable = field::guest_rip.encoding;
    instruction(Text(name, "-vmread"), [] { return vmread_flags(writable); });
    instruction(Text(name, "-vmread-no-field"), [] { return vmread_flags(no_field); });
    instruction(Text(name, "-vmwrite"), [] { return vmwrite_flags(writable, 0); });
    instruction(Text(name, "-vmwrite-no-field"), [] { return vmwrite_flags(no_field, 0); });
    instruction(Text(name, "-vmwrite-read-only"), [] { return vmwrite_flags(read_only, 0); });
}

// SDM 3C 31.2: without a current VMCS, every failure is VMfailInvalid.
void without_current_vmcs() {
    forget_current_vmcs();
    prepare_regions();
    print_current("no-vmcs-pointer");
    read_and_write("no-vmcs");
    instruction(Text("no-vmcs-vmlaunch"), [] { return vmlaunch_flags(); });
    instruction(Text("no-vmcs-vmresume"), [] { return vmresume_flags(); });
    instruction(Text("no-vmcs-vmlaunch-after-mov-ss"), [] { return vmlaunch_after_mov_ss(); });
    pointers("no-vmcs-vmclear", vmclear_flags);
    pointers("no-vmcs-vmptrld", vmptrld_flags);
    pointers("no-vmcs-vmxon", vmxon_flags);
    instruction(Text("no-vmcs-invept-type-9"), [] { return invept_flags(9, {}); });
    instruction(Text("no-vmcs-invvpid-type-9"), [] { return invvpid_flags(9, {}); });
    instruction(Text("no-vmcs-vmptrst"), [] {
        u64 pointer = 0;
        return vmptrst_flags(pointer);
    });
    instruction(Text("no-vmcs-vmclear"), [] { return vmclear_flags(region.address()); });
    revisions("no-vmcs-vmptrld");
    forget_current_vmcs();
}

void with_current_vmcs() {
    prepare_regions();
    instruction(Text("vmptrld"), [] { return vmptrld_flags(other_region.address()); });
    print_current("vmptrld-makes-current");
    read_and_write("with-vmcs");
    pointers("vmclear", vmclear_flags);
    print_current("vmclear-of-others");
    pointers("vmptrld", vmptrld_flags);
    print_current("vmptrld-that-failed");
    pointers("vmxon", vmxon_flags);
    instruction(Text("vmxon-same"), [] { return vmxon_flags(vmxon_region()); });
    revisions("vmptrld");
    print_current("vmptrld-revisions");
    instruction(Text("vmptrld-again"), [] { return vmptrld_flags(other_region.address()); });
    instruction(Text("vmclear-of-current"), [] { return vmclear_flags(other_region.address()); });
    print_current("vmclear-of-current-leaves");
    instruction(Text("vmclear-twice"), [] { return vmclear_flags(other_region.address()); });
}

}  // namespace

void current_vmcs_cases() {
    without_current_vmcs();
    with_current_vmcs();
}

}  // namespace conformance::instructions
