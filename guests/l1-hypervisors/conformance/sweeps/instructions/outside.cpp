// The instructions outside VMX operation, at CPL 3, and VMXON's demands.
#include "base/memory.hpp"
#include "sweeps/instructions/instructions.hpp"
#include "vmx/operation.hpp"

namespace conformance::instructions {
namespace {

void every_instruction(const char* name) {
    prepare_region(region);
    const auto run = [&](const char* what, auto body) { instruction(Text(name, "-", what), body); };
    run("vmclear", [] { return vmclear_flags(region.address()); });
    run("vmptrld", [] { return vmptrld_flags(region.address()); });
    run("vmptrst", [] {
        u64 pointer = 0;
        return vmptrst_flags(pointer);
    });
    run("vmread", [] { return vmread_flags(field::guest_rip.encoding); });
    run("vmwrite", [] { return vmwrite_flags(field::guest_rip.encoding, 0); });
    run("vmlaunch", [] { return vmlaunch_flags(); });
    run("vmresume", [] { return vmresume_flags(); });
    run("vmxoff", [] { return vmxoff_flags(); });
    run("invept", [] { return invept_flags(2, {}); });
    run("invvpid", [] { return invvpid_flags(2, {}); });
}

void at_user_level(const char* name) {
    for (const UserForm* form = user_forms; form->name != nullptr; ++form)
        print_case(topic, Text(name, "-user-", form->name), words(run_in_user_mode(form->code)));
}

// VMXON with each pointer that is wrong, and with what it demands of CR0 and CR4.
void vmxon_outside() {
    prepare_region(region);
    const auto back_outside = [](const Text& name, u64 pointer) {
        instruction(name, [=] { return vmxon_flags(pointer); });
        static_cast<void>(guarded([] { static_cast<void>(vmxoff()); }));
    };
    for (unsigned number = 0; number < 12; ++number)
        back_outside(Text("outside-vmxon-bit-", number), region.address() ^ bit(number));
    for (unsigned number = physical_width(); number < 64; ++number)
        back_outside(Text("outside-vmxon-bit-", number), region.address() ^ bit(number));
    const u32 revision = vmcs_revision();
    for (const u32 word : {revision, revision | shadow_indicator, revision + 1, 0u}) {
        *at_address<u32>(region.address()) = word;
        back_outside(Text("outside-vmxon-revision-", hex(word)), region.address());
    }
    prepare_region(region);
    const u64 cr0 = read_cr0(), cr4 = read_cr4();
    write_cr0(cr0 & ~cr0_ne);
    back_outside(Text("outside-vmxon-without-ne"), region.address());
    write_cr0(cr0);
    write_cr4(cr4 & ~cr4_vmxe);
    back_outside(Text("outside-vmxon-without-vmxe"), region.address());
    write_cr4(cr4);
}

// What VMX operation was left and entered again remembers nothing of its current VMCS.
void outside_vmx_operation() {
    fresh(&l2_finish);
    leave_vmx_operation();
    every_instruction("outside-vmxe0");
    at_user_level("outside-vmxe0");
    write_cr4(read_cr4() | cr4_vmxe);
    every_instruction("outside-vmxe1");
    at_user_level("outside-vmxe1");
    vmxon_outside();
    instruction(Text("vmxon"), [] { return vmxon_flags(vmxon_region()); });
    print_current("vmxon-leaves");
    at_user_level("root");
    instruction(Text("vmxoff"), [] { return vmxoff_flags(); });
    instruction(Text("vmxon-again"), [] { return vmxon_flags(vmxon_region()); });
}

void vmfunc_in_root() {
    instruction(Text("vmfunc-in-root"), [] {
        u64 flags;
        asm volatile(WITH_FLAGS("vmfunc") : [flags] "=&r"(flags) : BEFORE, "a"(0), "c"(0) : "memory", "cc");
        return flags;
    });
}

}  // namespace

void cases_outside_vmx_operation() {
    vmfunc_in_root();
    outside_vmx_operation();
}

}  // namespace conformance::instructions
