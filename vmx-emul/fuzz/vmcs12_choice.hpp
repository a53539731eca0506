// A vmcs12 by choices of a fuzzer's: a valid one for what is offered, then changed field by field.
#pragma once

#include "../testing/vmcs12_builder.hpp"
#include "capability_choice.hpp"

namespace kurma::vmx::fuzz {

inline u64& slot(Vmcs12& v, FieldId id) { return v.image[static_cast<usize>(id)]; }
inline void put(Vmcs12& v, FieldId id, u64 value) {
    slot(v, id) = value & value_mask(row_of(id).encoding);
    tell("%s = %#lx", row_of(id).name, slot(v, id));
}

struct ControlWord {
    FieldId id;
    AllowedSettings allowed;
};
inline std::array<ControlWord, 5> control_words(const Capabilities& c) {
    return {ControlWord{FieldId::pin_controls, c.effective_pin()},
            {FieldId::primary_controls, c.effective_primary()},
            {FieldId::secondary_controls, c.secondary},
            {FieldId::exit_controls, c.effective_exit()},
            {FieldId::entry_controls, c.effective_entry()}};
}

/// valid_vmcs12, less the controls that this processor does not offer.
inline Vmcs12 valid_for(const Capabilities& offered) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    for (const ControlWord& word : control_words(offered))
        slot(v, word.id) = word.allowed.adjust(static_cast<u32>(slot(v, word.id)));
    if (!v.secondary().has(Secondary::enable_ept))
        v.set(field::secondary_controls,
              v.get(field::secondary_controls).without(Secondary::unrestricted_guest));
    return v;
}

inline FieldId choose_field(Input& input) { return static_cast<FieldId>(input.below(field_count)); }

/// Numbers at which something changes: powers of two and their neighbours, and the edges of canonical
/// addresses.
inline u64 choose_edge(Input& input) {
    const u8 choice = input.byte();
    const u64 power = u64{1} << choice % 64;
    switch (choice >> 6) {
        case 0: return power;
        case 1: return power - 1;
        case 2: return ~power;
        default: return 0 - power;
    }
}

inline void change(Vmcs12& v, const Capabilities& offered, Input& input) {
    const u8 choice = input.byte();
    const auto words = control_words(offered);
    const ControlWord& word = words[choice / 8 % words.size()];
    switch (choice % 8) {
        case 0: put(v, choose_field(input), input.number()); return;
        case 1: {
            const FieldId id = choose_field(input);
            put(v, id, slot(v, id) ^ u64{1} << input.below(64));
            return;
        }
        case 2: put(v, choose_field(input), choose_edge(input)); return;
        case 3: put(v, choose_field(input), input.byte()); return;
        case 4: put(v, choose_field(input), input.number(4) << 12); return;
        case 5: {
            const FieldId to = choose_field(input);
            put(v, to, slot(v, choose_field(input)));
            return;
        }
        // Words that the processor takes, whatever the other fields then have to be.
        case 6: put(v, word.id, word.allowed.adjust(input.number32())); return;
        default: put(v, word.id, slot(v, word.id) ^ u64{1} << input.below(32)); return;
    }
}

}  // namespace kurma::vmx::fuzz
