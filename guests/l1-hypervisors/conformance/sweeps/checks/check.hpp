// One VM-entry check violated alone: a VMCS that runs, a few edits, an entry. Every case is entered twice, by
// VMRESUME in a VMCS that has run and by VMLAUNCH; the answer to VMRESUME is only printed where it differs.
#pragma once

#include "sweeps/furnished.hpp"

namespace conformance::checks {

inline constexpr const char* topic = "entry_checks";

// A VMCS that runs: L2 begins with VMCALL.
struct Start {
    const char* name;
    Vcpu& (*build)();
    bool ia32e_mode;
};

// Clears some bits of a field, then sets some.
struct Edit {
    Field field;
    u64 clear, set;
};
inline constexpr u64 whole = ~u64{0};
inline constexpr Edit replace(Field field, u64 value) { return {field, whole, value}; }

void apply(std::initializer_list<Edit> edits);

// What a case reports beyond the answer.
struct Also {
    u32 details = 0;
    bool delivery = false;  // the vector and error code that L2's handler saw
};

void check_with(const Start& start, const Text& name, void (*edit)(void*), void* context, const Also& also);

template <typename Body>
void check(const Start& start, const Text& name, Body edit, const Also& also = {}) {
    check_with(
        start, name, [](void* context) { (*static_cast<Body*>(context))(); }, &edit, also);
}

void check_edits(const Start& start, const Text& name, std::initializer_list<Edit> edits);
// Each bit from `first` to `last` flipped alone.
void each_bit(const Start& start, const char* name, Field field, unsigned first, unsigned last);
void each_value(const Start& start, const char* name, Field field, std::initializer_list<u64> values);

// Bits of physical addresses that this processor does not have begin here.
unsigned physical_width();

// The groups of cases.
void control_checks();
void address_checks();
void apic_checks();
void event_checks();
void host_checks();
void guest_register_checks();
void guest_segment_checks();
void guest_state_checks();
void link_pointer_checks();
void pdpte_checks();

}  // namespace conformance::checks
