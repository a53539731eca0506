// Guest segment registers (SDM 3C 27.3.1.2), each part of each register alone, for each kind of guest.
#include "cpu/instructions.hpp"
#include "sweeps/checks/starts.hpp"

namespace conformance::checks {
namespace {

struct Segment {
    const char* name;
    Field selector, base, limit, access;
};

#define SEGMENT(name)                                                                                   \
    {                                                                                                   \
#name, field::guest_##name##_selector, field::guest_##name##_base, field::guest_##name##_limit, \
            field::guest_##name##_access                                                                \
    }
constexpr Segment segments[] = {SEGMENT(cs), SEGMENT(ss), SEGMENT(ds),   SEGMENT(es),
                                SEGMENT(fs), SEGMENT(gs), SEGMENT(ldtr), SEGMENT(tr)};
#undef SEGMENT
constexpr const Segment &cs = segments[0], &ss = segments[1], &ds = segments[2], &ldtr = segments[6],
                        &tr = segments[7];

constexpr u64 type_bits = 0xF, dpl_bits = 3 << 5, present = bit(7), granular = bit(15), unusable = bit(16);
constexpr u32 access_data = 0xC093, access_ldt = 0x82;

// LDTR, FS and GS of the starts are unusable, which leaves next to nothing to check: here they are in use.
void make_usable(const Segment& s) {
    if ((vmread(s.access) & unusable) == 0) return;
    vmwrite(s.access, &s == &ldtr ? access_ldt : access_data);
    vmwrite(s.limit, &s == &ldtr ? 0xFFF : 0xFFFFFFFF);
}

template <typename Body>
void check_usable(const Start& start, const Segment& s, const Text& what, Body edit) {
    check(start, Text(s.name, "-", what), [&] {
        make_usable(s);
        edit();
    });
}

void access_rights(const Start& start, const Segment& s) {
    for (unsigned number = 0; number < 32; ++number)
        check_usable(start, s, Text("access-bit-", number),
                     [&] { vmwrite(s.access, vmread(s.access) ^ bit(number)); });
    for (u64 type = 0; type < 16; ++type)
        check_usable(start, s, Text("type-", type), [&] { apply({{s.access, type_bits, type}}); });
}

void selectors(const Start& start, const Segment& s) {
    for (unsigned number = 0; number < 3; ++number)
        check_usable(start, s, Text("selector-bit-", number),
                     [&] { vmwrite(s.selector, vmread(s.selector) ^ bit(number)); });
    check_usable(start, s, Text("selector-null"), [&] { vmwrite(s.selector, 0); });
    check_usable(start, s, Text("selector-other"), [&] { vmwrite(s.selector, 0xFFF8); });
}

// Code a few bytes beside its place would be whatever the program has there: L2 exits before its first
// instruction then.
void leave_at_once() {
    apply({{field::primary_controls, 0, primary::interrupt_window}, {field::guest_rflags, 0, rflags_if}});
}

void bases(const Start& start, const Segment& s) {
    constexpr unsigned beyond_memory = 31;
    for (const unsigned number : {0u, 4u, 31u, 32u, 47u, 48u, 63u})
        check_usable(start, s, Text("base-bit-", number), [&] {
            vmwrite(s.base, vmread(s.base) ^ bit(number));
            if (number < beyond_memory && same_text(s.name, "cs")) leave_at_once();
        });
    check_usable(start, s, Text("base-high-half"), [&] { vmwrite(s.base, 0xFFFF800000000000); });
}

// The granularity bit against the limit's low 12 and high 12 bits.
void limits(const Start& start, const Segment& s) {
    constexpr u64 values[] = {0,        0x66,       0x67,       0xFFE,     0xFFF,   0x1000,
                              0xFFFE,   0xFFFF,     0x10000,    0xFEFFF,   0xFFFFF, 0x100000,
                              0x100FFF, 0xFFFFF000, 0xFFFFFFFE, 0xFFFFFFFF};
    for (const u64 limit : values)
        for (const bool pages : {false, true})
            check_usable(start, s, Text("limit-", hex(limit), pages ? "-pages" : "-bytes"), [&] {
                vmwrite(s.limit, limit);
                apply({{s.access, granular, pages ? granular : 0}});
            });
}

// An unusable register may hold anything in most of its parts.
void unusable_with_garbage(const Start& start, const Segment& s) {
    check(start, Text(s.name, "-unusable"), [&] { vmwrite(s.access, unusable); });
    check(start, Text(s.name, "-unusable-access"), [&] { vmwrite(s.access, 0xFFFFFFFF); });
    check(start, Text(s.name, "-unusable-limit"), [&] {
        vmwrite(s.access, unusable | granular);
        vmwrite(s.limit, 0);
    });
    for (const u64 base : {bit(32), bit(47), 0xFFFF800000000000})
        check(start, Text(s.name, "-unusable-base-", hex(base)), [&] {
            vmwrite(s.access, unusable);
            vmwrite(s.base, base);
        });
    for (const u64 selector : {0u, 3u, 4u, 7u})
        check(start, Text(s.name, "-unusable-selector-", selector), [&] {
            vmwrite(s.access, unusable);
            vmwrite(s.selector, selector);
        });
}

// In real-address mode Bochs 2.7 takes CS's RPL for its privilege at the entry and SS's DPL at the exit: the
// state that it saves then is one that it refuses.
bool contradicts_itself(const Start& start, u64 code, u64 stack, u64 rpl) {
    return &start == &real && code != 0 && stack == 0 && rpl != 0;
}

// Code of each type: its DPL and RPL against SS's.
void privilege(const Start& start) {
    constexpr u64 code_types[] = {3, 9, 11, 13, 15};
    for (const u64 type : code_types)
        for (u64 code = 0; code < 4; ++code)
            for (u64 stack = 0; stack < 4; ++stack)
                for (const u64 rpl : {u64{0}, u64{3}}) {
                    if (contradicts_itself(start, code, stack, rpl)) continue;
                    check(start, Text("privilege-type-", type, "-cs-", code, "-ss-", stack, "-rpl-", rpl),
                          [&] {
                              apply({{cs.access, type_bits | dpl_bits, type | code << 5},
                                     {ss.access, dpl_bits, stack << 5},
                                     {cs.selector, 3, rpl},
                                     {ss.selector, 3, rpl}});
                          });
                }
    for (const u64 type : {1u, 3u, 9u, 11u, 13u, 15u})
        for (u64 level = 0; level < 4; ++level)
            for (const u64 rpl : {u64{0}, u64{3}})
                check(start, Text("ds-type-", type, "-dpl-", level, "-rpl-", rpl), [&] {
                    apply({{ds.access, type_bits | dpl_bits, type | level << 5}, {ds.selector, 3, rpl}});
                });
}

// Not present, and yet not unusable.
void presence(const Start& start) {
    for (const Segment& s : segments)
        check_usable(start, s, Text("absent-with-types-of-data"), [&] {
            apply({{s.access, present | type_bits, 1}});
        });
}

}  // namespace

void guest_segment_checks() {
    for (usize i = 0; i < guest_count; ++i) {
        const Start& start = *guests[i];
        for (const Segment& s : segments) {
            access_rights(start, s);
            selectors(start, s);
            bases(start, s);
            if (&s != &tr) unusable_with_garbage(start, s);
        }
        presence(start);
    }
    for (usize i = 0; i < main_guest_count; ++i)
        for (const Segment& s : segments) limits(*main_guests[i], s);
    for (const Start* start : {&long_mode, &unrestricted, &legacy, &flat, &real}) privilege(*start);
}

}  // namespace conformance::checks
