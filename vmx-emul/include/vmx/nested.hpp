// The VMX state of one processor of L1: what VMXON, VMPTRLD and VMWRITE have built up.
#pragma once

#include <array>
#include <bit>
#include <ept/address.hpp>
#include <initializer_list>
#include <vmx/capability.hpp>
#include <vmx/field.hpp>

namespace kurma::vmx {

/// A set of fields.
class FieldSet {
  public:
    static constexpr usize words = (field_count + 63) / 64;

    constexpr void add(FieldId id) { add(static_cast<usize>(id)); }
    /// By the number of the field's row.
    constexpr void add(usize row) { word_[row / 64] |= u64{1} << (row % 64); }
    constexpr bool has(FieldId id) const { return (word_[index(id)] & bit(id)) != 0; }
    constexpr bool empty() const {
        for (u64 word : word_)
            if (word != 0) return false;
        return true;
    }
    constexpr usize count() const {
        usize n = 0;
        for (u64 word : word_) n += static_cast<usize>(std::popcount(word));
        return n;
    }
    constexpr void clear() { word_ = {}; }
    constexpr FieldSet operator&(const FieldSet& other) const {
        FieldSet result;
        for (usize i = 0; i < words; ++i) result.word_[i] = word_[i] & other.word_[i];
        return result;
    }
    constexpr FieldSet operator|(const FieldSet& other) const {
        FieldSet result;
        for (usize i = 0; i < words; ++i) result.word_[i] = word_[i] | other.word_[i];
        return result;
    }
    template <class Visit>
    constexpr void for_each(Visit visit) const {
        for (usize i = 0; i < words; ++i)
            for (u64 rest = word_[i]; rest != 0; rest &= rest - 1)
                visit(static_cast<FieldId>(i * 64 + static_cast<usize>(std::countr_zero(rest))));
    }

    static consteval FieldSet of(std::initializer_list<FieldId> fields) {
        FieldSet set;
        for (FieldId id : fields) set.add(id);
        return set;
    }
    /// All fields whose row satisfies a predicate.
    template <class Predicate>
    static consteval FieldSet where(Predicate predicate) {
        FieldSet set;
        for (usize i = 0; i < field_count; ++i)
            if (predicate(field_rows[i])) set.add(static_cast<FieldId>(i));
        return set;
    }

  private:
    static constexpr usize index(FieldId id) { return static_cast<usize>(id) / 64; }
    static constexpr u64 bit(FieldId id) { return u64{1} << (static_cast<usize>(id) % 64); }
    std::array<u64, words> word_{};
};

/// The event to inject: looked at by every entry that has one, so that nobody keeps account of its changes.
inline constexpr FieldSet event_fields = FieldSet::where([](const FieldRow& row) {
    return row.encoding.raw == field::entry_interruption_info.encoding.raw ||
           row.encoding.raw == field::entry_exception_error_code.encoding.raw ||
           row.encoding.raw == field::entry_instruction_length.encoding.raw;
});

/// Fields whose value is at home, whatever has happened: not those that an exit may leave in vmcs02 for a
/// while, nor the one in which L0 notes errors.
inline constexpr FieldSet plain_fields = FieldSet::where([](const FieldRow& row) {
    const FieldType type = row.encoding.type();
    return row.home == Home::vmcs02 || type == FieldType::control || type == FieldType::host;
});

/// What an encoding names, if that is a plain field that L1 finds: small enough for a table of all encodings.
class PlainField {
  public:
    constexpr PlainField() = default;
    constexpr explicit PlainField(FieldId id) : raw_(static_cast<u16>(id)) {
        if (event_fields.has(id)) raw_ |= event_bit;
        if (row_of(id).home == Home::vmcs02) raw_ |= vmcs02_bit;
        if (row_of(id).encoding.type() == FieldType::exit_information) raw_ |= exit_information_bit;
    }
    constexpr bool found() const { return raw_ != none; }
    /// Found, in the image, and not of the event.
    constexpr bool usual() const { return raw_ <= index_mask; }
    constexpr usize index() const { return raw_ & index_mask; }
    /// One of the event to inject: nobody keeps account of its changes.
    constexpr bool of_event() const { return kind() == event_bit; }
    /// In vmcs02, of L2's state or of the last exit.
    constexpr bool guest_state() const { return kind() == vmcs02_bit; }
    constexpr bool exit_information() const { return kind() == (vmcs02_bit | exit_information_bit); }

  private:
    static constexpr u16 none = 0xffff, event_bit = 0x100, vmcs02_bit = 0x200, exit_information_bit = 0x400,
                         index_mask = 0xff;
    constexpr unsigned kind() const { return raw_ & ~unsigned{index_mask}; }
    u16 raw_ = none;
};
constexpr PlainField plain_field(u64 encoding, const FieldSet& existing) {
    const FieldLookup found = find_field(encoding);
    const bool plain = found.found && !Encoding{static_cast<u32>(encoding)}.high() &&
                       plain_fields.has(found.id) && existing.has(found.id);
    return plain ? PlainField{found.id} : PlainField{};
}

/// Whether L1 runs in IA-32e mode, 64-bit or compatibility, or outside of it.
enum class L1Mode : u8 { legacy, ia32e };

/// Values of the fields whose home is vmcs12, and a place for the others while the VMCS is not active.
struct Vmcs12 {
    ept::L1Gpa region{0};
    bool launched = false;
    /// The region has the shadow indicator: VMREAD and VMWRITE reach it, VM entry does not (SDM 3C 25.10).
    bool shadow = false;
    /// Exit information that L0 made up itself stands in the image; otherwise vmcs02 has what hardware wrote.
    bool exit_information_in_image = false;
    /// Fields with home vmcs12 that L1 wrote since vmcs02 was last brought up to date, but for the event to
    /// inject, which every entry looks at; and whether there are any.
    FieldSet dirty{};
    bool changed = false;
    /// Fields with home vmcs12 that the last exit saved, and whose value is still in vmcs02 (`saved_lazily`).
    FieldSet in_vmcs02{};
    /// Whether controls and host state have passed the checks, which counts while nothing is `changed`, and
    /// the mode in which L1 was then.
    bool checked = false;
    /// Whether they did so but for the fields in `dirty`.
    bool others_checked = false;
    L1Mode checked_mode = L1Mode::ia32e;
    constexpr bool checked_in(L1Mode mode) const { return checked && !changed && checked_mode == mode; }
    std::array<u64, field_count> image{};

    template <class V, FieldId I>
    constexpr V get(Field<V, I>) const {
        return from_raw<V>(image[static_cast<usize>(I)]);
    }
    template <class V, FieldId I>
    constexpr void set(Field<V, I>, std::type_identity_t<V> value) {
        image[static_cast<usize>(I)] = to_raw(value);
    }
    /// The secondary controls in force: none unless the primary controls activate them (SDM 3C 25.6.2).
    constexpr SecondaryControls secondary() const {
        return get(field::primary_controls).has(Primary::activate_secondary_controls)
                   ? get(field::secondary_controls)
                   : SecondaryControls{};
    }
    /// Where a field's value is to be looked for.
    constexpr Home home_of(FieldId id) const {
        const FieldRow& row = row_of(id);
        if (row.home == Home::vmcs12) return in_vmcs02.has(id) ? Home::vmcs02 : Home::vmcs12;
        const bool made_up = exit_information_in_image && row.encoding.type() == FieldType::exit_information;
        return made_up ? Home::vmcs12 : Home::vmcs02;
    }
    /// L1 has written a field of the image.
    constexpr void note_write(FieldId id) {
        if (!event_fields.has(id)) note_change(static_cast<usize>(id));
    }
    /// The same, by the number of its row, for a field that is not of the event.
    constexpr void note_change(usize row) {
        dirty.add(row);
        changed = true;
    }
};

/// The fields that some capabilities bring along.
constexpr FieldSet existing_fields(const Capabilities& capabilities) {
    FieldSet set;
    for (usize i = 0; i < field_count; ++i)
        if (capabilities.exists(field_rows[i].exists)) set.add(static_cast<FieldId>(i));
    return set;
}

/// The fields that L1 finds. Some processors (Bochs 2.7) have fields of features that they lack: L1 finds
/// these too, and only those of features that are there but hidden from L1 are missing.
constexpr FieldSet fields_for_l1(const FieldSet& of_processor, const Capabilities& host,
                                 const Capabilities& offered) {
    FieldSet set;
    of_processor.for_each([&](FieldId id) {
        const Exists condition = row_of(id).exists;
        if (offered.exists(condition) || !host.exists(condition)) set.add(id);
    });
    return set;
}

inline constexpr FieldSet all_home12 =
    FieldSet::where([](const FieldRow& row) { return row.home == Home::vmcs12; });
inline constexpr FieldSet all_home02_state = FieldSet::where(
    [](const FieldRow& row) { return row.home == Home::vmcs02 && row.encoding.type() == FieldType::guest; });
inline constexpr FieldSet all_exit_information = FieldSet::where([](const FieldRow& row) {
    return row.home == Home::vmcs02 && row.encoding.type() == FieldType::exit_information;
});

/// Fields that L1 may read, and those that it may write, in vmcs02 itself: their home is there, and no value
/// of theirs hurts L0.
inline constexpr FieldSet directly_readable = FieldSet::where(
    [](const FieldRow& row) { return row.home == Home::vmcs02 && row.shadow != Shadowable::no; });
inline constexpr FieldSet directly_writable = FieldSet::where(
    [](const FieldRow& row) { return row.home == Home::vmcs02 && row.shadow == Shadowable::rw; });

/// Bit 31 of a VMCS region's first word (SDM 3C 25.2).
inline constexpr u32 shadow_indicator = 1u << 31;

/// Pointers of L1 that point nowhere (SDM 3C 25.1).
inline constexpr u64 no_pointer = ~u64{0};

/// The state that VMX instructions of one L1 processor work on.
struct NestedState {
    bool in_vmx_operation = false;
    u64 vmxon_pointer = no_pointer;
    /// vmcs12 that VMREAD, VMWRITE, VMLAUNCH and VMRESUME of L1 mean; null without a current VMCS.
    Vmcs12* current = nullptr;
    /// The same, if L1 is in IA-32e mode; null otherwise.
    Vmcs12* current_of_64_bit_code = nullptr;
    /// L1 is in IA-32e mode, and stays there: in VMX operation paging cannot be turned off (SDM 3C 24.8).
    bool long_mode = false;
    constexpr void make_current(Vmcs12* vmcs12) {
        current = vmcs12;
        current_of_64_bit_code = long_mode ? vmcs12 : nullptr;
    }
    u64 feature_control = 0;
    /// L1's interruptibility state at its last VMLAUNCH or VMRESUME.
    u32 interruptibility_at_entry = 0;
};

/// The memory image of an inactive vmcs12, in the page that L1 gave: the format is Kurma's own (SDM 3C 25.2).
struct Vmcs12Region {
    u32 revision;
    u32 abort_indicator;
    u32 launched;
    u32 reserved;
    std::array<u64, field_count> image;
};
static_assert(sizeof(Vmcs12Region) <= 4096,
              "the region must fit into the page that IA32_VMX_BASIC announces");

}  // namespace kurma::vmx
