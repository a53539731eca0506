// The checks of guest state refuse what SDM 3C 27.3.1 refuses, and nothing else; and a refusal has the
// manual's qualification.
//
// An input is a processor, and guests: each a valid one of some mode, changed field by field, with what lies
// in memory around it.
#include <iterator>
#include <vector>

#include "../testing/guest_state_builder.hpp"
#include "guest_state_reference.hpp"
#include "vmcs12_choice.hpp"

namespace kurma::vmx::fuzz {
namespace {

constexpr unsigned max_guests = 30, max_changes = 200;

Vmcs12 choose_guest(Input& input, const Capabilities& offered) {
    using namespace testing;
    const u8 choice = input.byte();
    const auto of_mode = [&] {
        switch (choice & 3) {
            case 0: return valid_64_bit_guest(offered);
            case 1: return valid_32_bit_guest(offered);
            case 2: return valid_real_mode_guest(offered);
            default: return valid_virtual_8086_guest(offered);
        }
    };
    return (choice & 4) != 0 ? restricted(of_mode()) : of_mode();
}

GuestSurroundings choose_surroundings(Input& input, const Capabilities& offered) {
    const u8 choice = input.byte();
    GuestSurroundings around{
        .rtm = (choice & 1) != 0, .sgx = (choice & 2) != 0, .sti_blocks_nmis = (choice & 4) != 0};
    if ((choice & 8) != 0)
        around.word_at_link_pointer = offered.revision() | (choice & 16 ? shadow_indicator : 0);
    if ((choice & 32) != 0) around.word_at_link_pointer = input.number32();
    if ((choice & 64) != 0)
        for (u64& pdpte : around.pdptes_at_cr3) pdpte = input.number(1) | choose_edge(input);
    return around;
}

std::vector<FieldId> fields_of_type(FieldType type) {
    std::vector<FieldId> fields;
    for (usize i = 0; i < field_count; ++i)
        if (field_rows[i].encoding.type() == type) fields.push_back(static_cast<FieldId>(i));
    return fields;
}

/// Type and DPL of a segment, and whether it is usable: what most rules about segments are about.
void change_rights(Vmcs12& v, Input& input) {
    constexpr FieldId rights[]{FieldId::guest_cs_access_rights, FieldId::guest_ss_access_rights,
                               FieldId::guest_ds_access_rights, FieldId::guest_es_access_rights,
                               FieldId::guest_fs_access_rights, FieldId::guest_gs_access_rights,
                               FieldId::guest_tr_access_rights, FieldId::guest_ldtr_access_rights};
    const FieldId id = rights[input.byte() % std::size(rights)];
    const u8 choice = input.byte();
    constexpr u64 type_and_dpl = 0x6f, unusable = 0x1'0000;
    put(v, id, ((slot(v, id) & ~type_and_dpl) | (choice & type_and_dpl)) ^ (choice & 0x10 ? unusable : 0));
}

/// A bit of the words in which bits of one decide about bits of another.
void change_flag(Vmcs12& v, Input& input) {
    constexpr FieldId words[]{FieldId::guest_rflags,
                              FieldId::guest_debugctl,
                              FieldId::guest_interruptibility,
                              FieldId::guest_pending_debug_exceptions,
                              FieldId::guest_activity_state,
                              FieldId::guest_cr0,
                              FieldId::guest_cr4,
                              FieldId::guest_efer};
    constexpr u64 interesting = 20;
    const FieldId id = words[input.byte() % std::size(words)];
    put(v, id, slot(v, id) ^ u64{1} << input.below(interesting));
}

/// Mostly guest state; sometimes a control, since many rules depend on one.
void change_guest(Vmcs12& v, const Capabilities& offered, u8 choice, Input& input) {
    static const std::vector<FieldId> guest_fields = fields_of_type(FieldType::guest);
    const FieldId id = guest_fields[input.below(guest_fields.size())];
    switch (choice % 10) {
        case 0: return change(v, offered, input);
        case 1: return put(v, id, input.number());
        case 2: return put(v, id, choose_edge(input));
        case 3: return put(v, id, input.byte());
        case 4: return put(v, FieldId::entry_interruption_info, 1u << 31 | (input.number(2) & 0xfff));
        case 5:
            return put(v, FieldId::vmcs_link_pointer,
                       input.flag() ? v.region.value() : input.number(2) << 12);
        case 6:
        case 7: return change_rights(v, input);
        case 8: return change_flag(v, input);
        default: return put(v, id, slot(v, id) ^ u64{1} << input.below(64));
    }
}

/// True if the state passes.
bool check(const Vmcs12& v, const Capabilities& offered, const GuestSurroundings& around) {
    const GuestCheckResult result = check_guest_state(v, offered, around);
    const Broken broken = GuestStateReference{v, offered, around}.broken();
    tell(
        "  %s, field %s, value %#lx; by the manual: registers %d, segments %d, tables %d, RIP and flags %d, "
        "non-register %d, NMI %d, link pointer %d, PDPTEs %d",
        name_of(result.failed), row_of(result.field).name, result.value, broken.registers, broken.segments,
        broken.tables, broken.rip_and_flags, broken.non_register, broken.nmi_blocked, broken.link_pointer,
        broken.pdptes);
    law_equal(result.passed(), !broken.any(), "a guest state passes exactly if the manual lets it");
    if (result.passed()) return true;
    law(name_of(result.failed)[0] != '?' && rule_of(result.failed)[0] != '\0',
        "a check has a name and a rule");
    switch (result.qualification()) {
        case 0: law(broken.without_qualification(), "qualification 0 is for the rules without one"); break;
        case 2: law(broken.pdptes, "qualification 2 is for PDPTEs"); break;
        case 3: law(broken.nmi_blocked, "qualification 3 is for an NMI blocked by STI"); break;
        case 4: law(broken.link_pointer, "qualification 4 is for the link pointer"); break;
        default: law(false, "there are no other qualifications");
    }
    return false;
}

class Guest {
  public:
    Guest(Input& input, const Capabilities& offered)
        : offered_(offered), around_(choose_surroundings(input, offered)), v_(choose_guest(input, offered)) {
        (void)check(v_, offered_, around_);
    }

    /// A change that breaks a rule is taken back: with one broken, no other shows.
    void change_by(Input& input) {
        const u8 choice = input.byte();
        if (choice == 0xff) return input.storm();
        const Vmcs12 before = v_;
        change_guest(v_, offered_, choice, input);
        if (check(v_, offered_, around_)) return;
        tell("  taken back");
        v_ = before;
    }

  private:
    const Capabilities& offered_;
    GuestSurroundings around_;
    Vmcs12 v_;
};

void run(Input& input) {
    const Capabilities offered = choose_processor(input).offered;
    for (unsigned i = 0; i < max_guests && !input.at_end(); ++i) {
        Guest guest{input, offered};
        for (u64 left = input.below(max_changes); left != 0; --left) guest.change_by(input);
    }
}

}  // namespace
}  // namespace kurma::vmx::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::vmx::fuzz::run(input);
    return 0;
}
