// What the fields of a VMCS hold, beside the VMCS: so that a case writes only the fields that it changes.
#pragma once

#include "base/integer.hpp"
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

// Fields that some processors do not have or whose features Kurma does not offer to L1 (yet): no case uses
// them.
inline constexpr Slot left_alone[] = {
    Slot::posted_interrupt_vector,
    Slot::posted_interrupt_descriptor,
    Slot::eptp_index,
    Slot::guest_interrupt_status,
    Slot::pml_index,
    Slot::pml_address,
    Slot::vm_function_controls,
    Slot::eoi_exit_bitmap_0,
    Slot::eoi_exit_bitmap_1,
    Slot::eoi_exit_bitmap_2,
    Slot::eoi_exit_bitmap_3,
    Slot::eptp_list_address,
    Slot::vmread_bitmap,
    Slot::vmwrite_bitmap,
    Slot::ve_information_address,
    Slot::xss_exiting_bitmap,
    Slot::tsc_multiplier,
    Slot::guest_perf_global_ctrl,
    Slot::host_perf_global_ctrl,
    Slot::ple_gap,
    Slot::ple_window,
};

constexpr bool is_left_alone(Slot slot) {
    for (const Slot listed : left_alone)
        if (listed == slot) return true;
    return field_of(slot).is_read_only();
}

constexpr bool is_guest_state(Slot slot) {
    return field_of(slot).kind() == FieldKind::guest && !is_left_alone(slot);
}

// The slots for which `wanted` says yes, as a list.
template <typename Predicate>
struct SlotList {
    static constexpr usize count() {
        usize n = 0;
        for (usize i = 0; i < slot_count; ++i) n += Predicate{}(static_cast<Slot>(i)) ? usize{1} : 0;
        return n;
    }
    static constexpr struct Slots {
        Slot slot[count()];
        constexpr const Slot* begin() const { return slot; }
        constexpr const Slot* end() const { return slot + count(); }
    } all = [] {
        Slots slots = {};
        usize n = 0;
        for (usize i = 0; i < slot_count; ++i)
            if (Predicate{}(static_cast<Slot>(i))) slots.slot[n++] = static_cast<Slot>(i);
        return slots;
    }();
};

struct IsWritten {
    constexpr bool operator()(Slot slot) const { return !is_left_alone(slot); }
};
struct IsGuestState {
    constexpr bool operator()(Slot slot) const { return is_guest_state(slot); }
};
inline constexpr auto& written_slots = SlotList<IsWritten>::all;
inline constexpr auto& guest_slots = SlotList<IsGuestState>::all;

}  // namespace conformance::random
