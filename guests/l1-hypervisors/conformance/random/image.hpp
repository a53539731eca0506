// What the fields of a VMCS hold, beside the VMCS: so that a case writes only the fields that it changes.
#pragma once

#include "base/integer.hpp"
#include "vmx/controls.hpp"
#include "vmx/fields.hpp"

namespace conformance::random {

using namespace kit;

// A field by its place in kit::all_fields.
enum class Slot : u8 {
#define M(name, width, kind, index) name,
#include "vmx/fields.def"
#undef M
};

inline constexpr usize slot_count = sizeof all_fields / sizeof all_fields[0];
constexpr usize number(Slot slot) { return static_cast<usize>(slot); }
constexpr Field field_of(Slot slot) { return all_fields[number(slot)].field; }
constexpr const char* name_of(Slot slot) { return all_fields[number(slot)].name; }
static_assert(field_of(Slot::guest_rip).encoding == field::guest_rip.encoding);

struct Image {
    u64 value[slot_count] = {};
    u64& operator[](Slot slot) { return value[number(slot)]; }
    u64 operator[](Slot slot) const { return value[number(slot)]; }
};

// A field that exists only with a feature, and the secondary control of that feature.
struct OptionalField {
    Slot slot;
    u64 control;
};
inline constexpr OptionalField optional_fields[] = {
    {Slot::guest_interrupt_status, secondary::virtual_interrupts},
    {Slot::eoi_exit_bitmap_0, secondary::virtual_interrupts},
    {Slot::eoi_exit_bitmap_1, secondary::virtual_interrupts},
    {Slot::eoi_exit_bitmap_2, secondary::virtual_interrupts},
    {Slot::eoi_exit_bitmap_3, secondary::virtual_interrupts},
    {Slot::vm_function_controls, secondary::vm_functions},
    {Slot::eptp_list_address, secondary::vm_functions},
    {Slot::vmread_bitmap, secondary::vmcs_shadowing},
    {Slot::vmwrite_bitmap, secondary::vmcs_shadowing},
    {Slot::pml_index, secondary::page_log},
    {Slot::pml_address, secondary::page_log},
    {Slot::ve_information_address, secondary::virtualization_exceptions},
    {Slot::eptp_index, secondary::virtualization_exceptions},
    {Slot::xss_exiting_bitmap, secondary::xsaves},
    {Slot::tsc_multiplier, secondary::tsc_scaling},
    {Slot::ple_gap, secondary::pause_loop},
    {Slot::ple_window, secondary::pause_loop},
};

// Fields of features that Kurma does not offer to L1, as README says: no case uses them.
inline constexpr Slot left_alone[] = {Slot::posted_interrupt_vector, Slot::posted_interrupt_descriptor,
                                      Slot::guest_perf_global_ctrl, Slot::host_perf_global_ctrl};

// Whether a processor with these secondary controls has the field, and L1 may write it.
constexpr bool exists(Slot slot, u64 secondary_controls) {
    for (const Slot listed : left_alone)
        if (listed == slot) return false;
    for (const OptionalField& optional : optional_fields)
        if (optional.slot == slot) return (secondary_controls & optional.control) != 0;
    return !field_of(slot).is_read_only();
}

class SlotList {
  public:
    void add(Slot slot) { slots_[count_++] = slot; }
    const Slot* begin() const { return slots_; }
    const Slot* end() const { return slots_ + count_; }

  private:
    Slot slots_[slot_count] = {};
    usize count_ = 0;
};

}  // namespace conformance::random
