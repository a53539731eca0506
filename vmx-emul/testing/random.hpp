// Random worlds that repeat: a seed is all that a failing law has to name.
#pragma once

#include <random>
#include <vmx/merge.hpp>

#include "vmcs12_builder.hpp"

namespace kurma::vmx::testing {

class Random {
  public:
    explicit Random(u64 seed) : engine_(seed) {}

    u64 word() { return engine_(); }
    u32 word32() { return static_cast<u32>(engine_()); }
    u64 below(u64 bound) { return engine_() % bound; }
    bool coin() { return (engine_() & 1) != 0; }

    /// A control word that the processor takes: what is free is random.
    u32 control(AllowedSettings allowed) {
        const u32 must = static_cast<u32>(allowed.raw), may = static_cast<u32>(allowed.raw >> 32);
        return must | (word32() & may);
    }

  private:
    std::mt19937_64 engine_;
};

/// A vmcs12 whose control words are random within what is offered, and whose addresses and values are wild.
/// Some pass the checks, some do not.
inline Vmcs12 random_vmcs12(Random& random, const Capabilities& offered) {
    using namespace field;
    Vmcs12 v = valid_vmcs12(offered);
    v.set(pin_controls, {random.control(offered.true_pin)});
    v.set(primary_controls, {random.control(offered.true_primary)});
    v.set(secondary_controls, {random.control(offered.secondary)});
    v.set(exit_controls, {random.control(offered.true_exit)});
    v.set(entry_controls, {random.control(offered.true_entry)});
    // A host of the mode that L1 is in, so that the laws are not about that one check.
    v.set(exit_controls, v.get(exit_controls).with(Exit::host_address_space_size));
    const auto page = [&] {
        const u64 address = random.below(u64{1} << 28) << 12;
        return random.below(64) == 0 ? address | 1 : address;
    };
    v.set(io_bitmap_a, page());
    v.set(io_bitmap_b, page());
    v.set(msr_bitmap, page());
    v.set(virtual_apic_address, page());
    v.set(apic_access_address, page());
    v.set(eptp, Eptp{page() | 0x1e | (random.coin() ? 0x40u : 0u)});
    v.set(vpid, static_cast<u16>(random.below(8)));
    v.set(tpr_threshold, static_cast<u32>(random.below(17)));
    v.set(cr3_target_count, static_cast<u32>(random.below(6)));
    for (const FieldId id :
         {FieldId::exception_bitmap, FieldId::page_fault_error_code_mask,
          FieldId::page_fault_error_code_match, FieldId::tsc_offset, FieldId::cr0_guest_host_mask,
          FieldId::cr4_guest_host_mask, FieldId::cr0_read_shadow, FieldId::cr4_read_shadow,
          FieldId::exit_msr_store_address, FieldId::exit_msr_load_address, FieldId::entry_msr_load_address,
          FieldId::guest_dr7, FieldId::guest_debugctl, FieldId::guest_efer, FieldId::guest_pat,
          FieldId::preemption_timer_value, FieldId::executive_vmcs, FieldId::vmcs_link_pointer})
        v.image[static_cast<usize>(id)] = random.word() & value_mask(row_of(id).encoding);
    return v;
}

}  // namespace kurma::vmx::testing
