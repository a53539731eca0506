#include "random/processor.hpp"

#include "cpu/instructions.hpp"
#include "vmx/operation.hpp"

namespace conformance::random {

constinit Processor processor = {};

void look_at_processor() {
    constexpr u32 cpuid_address_sizes = 0x80000008;
    Processor& p = processor;
    p.physical_width = cpuid(cpuid_address_sizes).eax & 0xFF;
    p.pin = adjusted_control(vmx_msr::pin, vmx_msr::true_pin, 0);
    p.primary = adjusted_control(vmx_msr::primary, vmx_msr::true_primary, 0);
    p.secondary = adjusted_control(vmx_msr::secondary, vmx_msr::secondary, 0);
    p.exit = adjusted_control(vmx_msr::exit, vmx_msr::true_exit, 0);
    p.entry = adjusted_control(vmx_msr::entry, vmx_msr::true_entry, 0);
    p.secondary_allowed = rdmsr(vmx_msr::secondary) >> 32;
    p.has_ept_flags = (rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) != 0;
    for (usize i = 0; i < slot_count; ++i) {
        const Slot slot = static_cast<Slot>(i);
        if (!exists(slot, p.secondary_allowed)) continue;
        p.written.add(slot);
        if (field_of(slot).kind() == FieldKind::guest) p.guest_state.add(slot);
    }
}

}  // namespace conformance::random
