// VMCS fields as objects. A field is not its value's type, so it cannot be written where a value is meant.
//
// Everything here is derived from fields.def: ids, encodings, value types, homes, and the look-up of an
// encoding that L1 hands to VMREAD or VMWRITE.
#pragma once

#include <array>
#include <concepts>
#include <ept/eptp.hpp>
#include <vmx/controls.hpp>
#include <vmx/event.hpp>
#include <vmx/exit.hpp>
#include <x86/segment.hpp>

namespace kurma::vmx {

using ept::Eptp;
using x86::AccessRights;

enum class FieldWidth : u8 { w16 = 0, w64 = 1, w32 = 2, natural = 3 };
enum class FieldType : u8 { control = 0, exit_information = 1, guest = 2, host = 3 };

/// A VMCS component encoding (SDM 3C 25.11.2, table 25-21).
struct Encoding {
    u32 raw = 0;

    constexpr bool high() const { return (raw & 1) != 0; }
    constexpr unsigned index() const { return (raw >> 1) & 0x1ff; }
    constexpr FieldType type() const { return static_cast<FieldType>((raw >> 10) & 3); }
    constexpr FieldWidth width() const { return static_cast<FieldWidth>((raw >> 13) & 3); }
    constexpr bool operator==(const Encoding&) const = default;
};

/// The offered feature that makes a field exist for L1.
enum class Exists : u8 {
    always,
    ept,
    vpid,
    msr_bitmaps,
    io_bitmaps,
    tpr_shadow,
    virtualize_apic,
    secondary,
    pause_loop,
    xsaves,
    preemption_timer,
    pat_controls,
    efer_controls,
    vmcs_shadowing,
    virtual_interrupts,
    pml,
    vm_functions,
    eptp_switching,
    ept_violation_ve,
    tsc_scaling,
};

/// Where the value of a field of vmcs12 lives while that VMCS is active.
enum class Home : u8 { vmcs02, vmcs12 };
/// What vmcs02 gets in this field.
enum class In02 : u8 { same, computed, l0_own, hardware };
/// Whether L1 may reach the field through a shadow VMCS.
enum class Shadowable : u8 { no, ro, rw };

enum class FieldId : u8 {
#define F(name, encoding, type, exists, home, in02, shadow) name,
#include <vmx/fields.def>
#undef F
};

struct FieldRow {
    const char* name;
    Encoding encoding;
    Exists exists;
    Home home;
    In02 in02;
    Shadowable shadow;
};

inline constexpr std::array field_rows{
#define F(name, encoding, type, exists, home, in02, shadow) \
    FieldRow{#name, {encoding}, Exists::exists, Home::home, In02::in02, Shadowable::shadow},
#include <vmx/fields.def>
#undef F
};
inline constexpr usize field_count = field_rows.size();

constexpr const FieldRow& row_of(FieldId id) { return field_rows[static_cast<usize>(id)]; }

/// The encodings alone, small enough for the compiler to see through where the field is known.
inline constexpr std::array<u32, field_count> encodings{
#define F(name, encoding, type, exists, home, in02, shadow) encoding,
#include <vmx/fields.def>
#undef F
};

/// One field: its value's type and its identity, both known to the compiler.
template <class V, FieldId I>
struct Field {
    using Value = V;
    static constexpr FieldId id = I;
    static constexpr Encoding encoding = row_of(I).encoding;
};

namespace field {
#define F(name, encoding, type, exists, home, in02, shadow) \
    inline constexpr Field<type, FieldId::name> name{};
#include <vmx/fields.def>
#undef F
}  // namespace field

/// A value as the 64 bits that VMREAD and VMWRITE move.
template <class V>
constexpr u64 to_raw(V value) {
    if constexpr (std::integral<V>)
        return value;
    else if constexpr (requires { value.raw; })
        return value.raw;
    else
        return value.bits();
}
template <class V>
constexpr V from_raw(u64 raw) {
    if constexpr (std::integral<V>)
        return static_cast<V>(raw);
    else if constexpr (requires { V::raw; })
        return V{static_cast<decltype(V::raw)>(raw)};
    else
        return V{raw};
}

/// Whoever reads and writes fields of one VMCS: VMREAD and VMWRITE on metal, a recording fake in a host test.
template <class A>
concept VmcsAccessor = requires(A& vmcs, FieldId id, u64 value) {
    { vmcs.read_raw(id) } -> std::same_as<u64>;
    vmcs.write_raw(id, value);
};

template <VmcsAccessor A, class V, FieldId I>
[[gnu::always_inline]] constexpr V read(A& vmcs, Field<V, I>) {
    return from_raw<V>(vmcs.read_raw(I));
}
template <VmcsAccessor A, class V, FieldId I>
[[gnu::always_inline]] constexpr void write(A& vmcs, Field<V, I>, std::type_identity_t<V> value) {
    vmcs.write_raw(I, to_raw(value));
}

/// The bits of a field's value that exist, by its width.
constexpr u64 value_mask(Encoding encoding) {
    switch (encoding.width()) {
        case FieldWidth::w16: return 0xffff;
        case FieldWidth::w32: return 0xffffffff;
        case FieldWidth::w64:
        case FieldWidth::natural: return ~u64{0};
    }
    return 0;
}

namespace detail {

inline constexpr unsigned lookup_indices = 64;
inline constexpr u8 no_row = 0xff;

constexpr unsigned lookup_slot(Encoding encoding) {
    return ((static_cast<unsigned>(encoding.width()) << 2) | static_cast<unsigned>(encoding.type())) *
               lookup_indices +
           encoding.index();
}

consteval auto make_lookup() {
    std::array<u8, 16 * lookup_indices> table{};
    for (u8& entry : table) entry = no_row;
    for (usize i = 0; i < field_count; ++i) table[lookup_slot(field_rows[i].encoding)] = static_cast<u8>(i);
    return table;
}
inline constexpr auto lookup = make_lookup();

/// Bits of an encoding that must be zero: 12, and 31:15.
inline constexpr u64 encoding_reserved = ~u64{0x6fff};

}  // namespace detail

/// Result of looking up what L1 wrote into VMREAD's or VMWRITE's field operand.
struct FieldLookup {
    bool found;
    FieldId id;
};

/// Finds the row of an encoding; a high-access encoding finds a 64-bit field's row.
constexpr FieldLookup find_field(u64 raw) {
    const Encoding encoding{static_cast<u32>(raw)};
    if ((raw & detail::encoding_reserved) != 0 || encoding.index() >= detail::lookup_indices)
        return {false, {}};
    if (encoding.high() && encoding.width() != FieldWidth::w64) return {false, {}};
    const u8 row = detail::lookup[detail::lookup_slot(encoding)];
    return {row != detail::no_row, static_cast<FieldId>(row)};
}

static_assert(field_count < detail::no_row);
static_assert(find_field(0x681e).found && find_field(0x681e).id == FieldId::guest_rip);
static_assert(find_field(0x2001).found && find_field(0x2001).id == FieldId::io_bitmap_a);
static_assert(!find_field(0x4001).found && !find_field(0x1000).found && !find_field(0x10000).found);

}  // namespace kurma::vmx
