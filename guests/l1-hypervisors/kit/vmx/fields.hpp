// VMCS fields. An encoding is built from its parts (SDM 3C 25.11.2, 3D appendix B), so that no number is
// copied from anywhere.
#pragma once

#include "base/integer.hpp"

namespace kit {

enum class FieldWidth : u32 { w16 = 0, w64 = 1, w32 = 2, natural = 3 };
enum class FieldKind : u32 { control = 0, information = 1, guest = 2, host = 3 };

struct Field {
    u32 encoding;

    constexpr FieldWidth width() const { return static_cast<FieldWidth>(encoding >> 13 & 3); }
    constexpr FieldKind kind() const { return static_cast<FieldKind>(encoding >> 10 & 3); }
    constexpr bool is_read_only() const { return kind() == FieldKind::information; }
    constexpr u64 mask() const {
        switch (width()) {
            case FieldWidth::w16: return 0xFFFF;
            case FieldWidth::w32: return 0xFFFFFFFF;
            case FieldWidth::w64:
            case FieldWidth::natural: return ~u64{0};
        }
        return 0;
    }
    // The encoding of the high half of a 64-bit field.
    constexpr Field high() const { return {encoding | 1}; }
};

consteval Field make_field(FieldWidth width, FieldKind kind, u32 index) {
    return {static_cast<u32>(width) << 13 | static_cast<u32>(kind) << 10 | index << 1};
}

namespace field {
#define M(name, width, kind, index) \
    inline constexpr Field name = make_field(FieldWidth::width, FieldKind::kind, index);
#include "vmx/fields.def"
#undef M
}  // namespace field

struct NamedField {
    const char* name;
    Field field;
};

inline constexpr NamedField all_fields[] = {
#define M(name, width, kind, index) {#name, field::name},
#include "vmx/fields.def"
#undef M
};

// Four encodings that everybody knows, against the construction.
static_assert(field::guest_rip.encoding == 0x681E && field::exit_reason.encoding == 0x4402);
static_assert(field::host_rip.encoding == 0x6C16 && field::eptp.encoding == 0x201A);

}  // namespace kit
