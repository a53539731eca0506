#include "random/vmcs.hpp"

#include "random/processor.hpp"
#include "vmx/instructions.hpp"
#include "vmx/operation.hpp"

namespace conformance::random {

void Vmcs::create() {
    prepare_region(region_);
    clear_launch_state();
    for (const Slot slot : processor.written) vmwrite(field_of(slot), 0);
    holds_ = {};
}

void Vmcs::make_current() {
    if (!vmptrld(region_.address()).succeeded()) give_up("VMPTRLD failed");
}

void Vmcs::clear_launch_state() {
    if (!vmclear(region_.address()).succeeded()) give_up("VMCLEAR failed");
    make_current();
}

void Vmcs::write(const Image& wanted) {
    for (const Slot slot : processor.written) {
        if (holds_[slot] == wanted[slot]) continue;
        vmwrite(field_of(slot), wanted[slot]);
        holds_[slot] = wanted[slot];
    }
}

u64 Vmcs::read_back(Slot slot) { return holds_[slot] = vmread(field_of(slot)); }

}  // namespace conformance::random
