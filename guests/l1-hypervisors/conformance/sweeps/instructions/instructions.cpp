// The VMX instructions themselves (SDM 3C chapter 31): their outcomes with every pointer, type and descriptor
// that can be wrong, the launch state, and what they do outside VMX operation and at CPL 3. An outcome is
// RFLAGS' arithmetic flags (all were set before) and, where ZF tells of one, the VM-instruction error.
//
// VMCALL in VMX root operation is left out: Bochs 2.7 stops the machine there.
#include "sweeps/instructions/instructions.hpp"

#include "sweeps/sweep.hpp"
#include "vmx/operation.hpp"

namespace conformance::instructions {

Page region, other_region;

void print_flags(const Text& name, u64 flags) {
    Text text("flags=", hex(flags & rflags_arithmetic));
    if ((flags & rflags_zf) != 0) text.append(" error=", vmread(field::vm_instruction_error));
    print_case(topic, name, text);
}

unsigned physical_width() {
    constexpr u32 leaf_address_sizes = 0x80000008;
    return cpuid(leaf_address_sizes).eax & 0xFF;
}

u64 beyond_memory() {
    return bit(physical_width() - 1);
}  // an address that exists, but nothing answers there

void prepare_regions() {
    for (Page* page : {&region, &other_region}) {
        prepare_region(*page);
        if (!vmclear(page->address()).succeeded()) give_up("VMCLEAR failed");
    }
}

void print_current(const char* name) {
    u64 pointer = 0;
    static_cast<void>(vmptrst_flags(pointer));
    const char* what = pointer == region.address()         ? "region"
                       : pointer == other_region.address() ? "other-region"
                       : pointer == ~u64{0}                ? "none"
                                                           : "something-else";
    print_case(topic, Text(name), Text("current=", what));
}

}  // namespace conformance::instructions

namespace conformance {

void sweep_instructions() {
    using namespace instructions;
    current_vmcs_cases();
    launch_cases();
    invalidation_cases();
    cases_outside_vmx_operation();
}

}  // namespace conformance
