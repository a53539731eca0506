// Guest segment registers (SDM 3C 27.3.1.2). Rules that are the same for several registers stand here once;
// the result names the register by its field.
#include <array>

#include "guest.hpp"

namespace kurma::vmx::guest_checks {

namespace {

using x86::AccessRights;
using x86::Selector;
namespace type = x86::segment_type;

struct Segment {
    FieldId selector, base, limit, rights;
};

constexpr Segment cs{FieldId::guest_cs_selector, FieldId::guest_cs_base, FieldId::guest_cs_limit,
                     FieldId::guest_cs_access_rights};
constexpr Segment ss{FieldId::guest_ss_selector, FieldId::guest_ss_base, FieldId::guest_ss_limit,
                     FieldId::guest_ss_access_rights};
constexpr Segment ds{FieldId::guest_ds_selector, FieldId::guest_ds_base, FieldId::guest_ds_limit,
                     FieldId::guest_ds_access_rights};
constexpr Segment es{FieldId::guest_es_selector, FieldId::guest_es_base, FieldId::guest_es_limit,
                     FieldId::guest_es_access_rights};
constexpr Segment fs{FieldId::guest_fs_selector, FieldId::guest_fs_base, FieldId::guest_fs_limit,
                     FieldId::guest_fs_access_rights};
constexpr Segment gs{FieldId::guest_gs_selector, FieldId::guest_gs_base, FieldId::guest_gs_limit,
                     FieldId::guest_gs_access_rights};
constexpr Segment tr{FieldId::guest_tr_selector, FieldId::guest_tr_base, FieldId::guest_tr_limit,
                     FieldId::guest_tr_access_rights};
constexpr Segment ldtr{FieldId::guest_ldtr_selector, FieldId::guest_ldtr_base, FieldId::guest_ldtr_limit,
                       FieldId::guest_ldtr_access_rights};

constexpr std::array ordinary{cs, ss, ds, es, fs, gs};
constexpr std::array data{ds, es, fs, gs};

Selector selector_of(const GuestEntry& g, const Segment& s) { return {static_cast<u16>(g.raw(s.selector))}; }
AccessRights rights_of(const GuestEntry& g, const Segment& s) { return {static_cast<u32>(g.raw(s.rights))}; }
u32 limit_of(const GuestEntry& g, const Segment& s) { return static_cast<u32>(g.raw(s.limit)); }
bool usable(const GuestEntry& g, const Segment& s) { return !rights_of(g, s).unusable(); }
/// CS and TR are always in use: their unusable bit excuses nothing.
bool in_use(const GuestEntry& g, const Segment& s) {
    return s.rights == cs.rights || s.rights == tr.rights || usable(g, s);
}

GuestCheckResult check_selectors(const GuestEntry& g) {
    for (const Segment& s : {tr, ldtr})
        if (in_use(g, s) && selector_of(g, s).local_table())
            return breaks(g, CheckId::guest_system_selector_local, s.selector);
    if (!g.virtual_8086() && !g.unrestricted() && selector_of(g, ss).rpl() != selector_of(g, cs).rpl())
        return breaks(g, CheckId::guest_ss_rpl, ss.selector);
    return {};
}

GuestCheckResult check_bases(const GuestEntry& g) {
    if (g.virtual_8086())
        for (const Segment& s : ordinary)
            if (g.raw(s.base) != u64{selector_of(g, s).raw} << 4)
                return breaks(g, CheckId::guest_v8086_base, s.base);
    for (const Segment& s : {tr, fs, gs})
        if (!x86::canonical(g.raw(s.base))) return breaks(g, CheckId::guest_segment_base_canonical, s.base);
    if (usable(g, ldtr) && !x86::canonical(g.raw(ldtr.base)))
        return breaks(g, CheckId::guest_segment_base_canonical, ldtr.base);
    for (const Segment& s : {cs, ss, ds, es})
        if (in_use(g, s) && (g.raw(s.base) >> 32) != 0)
            return breaks(g, CheckId::guest_segment_base_high, s.base);
    return {};
}

GuestCheckResult check_v8086(const GuestEntry& g) {
    for (const Segment& s : ordinary)
        if (limit_of(g, s) != 0xffff) return breaks(g, CheckId::guest_v8086_limit, s.limit);
    for (const Segment& s : ordinary)
        if (rights_of(g, s) != AccessRights::virtual_8086())
            return breaks(g, CheckId::guest_v8086_access_rights, s.rights);
    return {};
}

GuestCheckResult check_types(const GuestEntry& g) {
    const AccessRights code = rights_of(g, cs), stack = rights_of(g, ss);
    const bool accessed_code = code.is_code() && (code.type() & type::accessed) != 0;
    const bool data_for_code = g.unrestricted() && code.type() == type::read_write_accessed;
    if (!accessed_code && !data_for_code) return breaks(g, CheckId::guest_cs_type, cs.rights);
    if (usable(g, ss) && stack.type() != type::read_write_accessed &&
        stack.type() != type::read_write_expand_down_accessed)
        return breaks(g, CheckId::guest_ss_type, ss.rights);
    for (const Segment& s : data) {
        const AccessRights rights = rights_of(g, s);
        if (!usable(g, s)) continue;
        if ((rights.type() & type::accessed) == 0) return breaks(g, CheckId::guest_data_accessed, s.rights);
        if (rights.is_code() && (rights.type() & type::readable) == 0)
            return breaks(g, CheckId::guest_data_readable, s.rights);
    }
    return {};
}

/// SS.DPL is the privilege level of the guest. (Bochs 2.7 compares CS.DPL with CS.RPL instead.)
GuestCheckResult check_code_dpl(const GuestEntry& g) {
    const AccessRights code = rights_of(g, cs);
    const u8 cpl = rights_of(g, ss).dpl();
    if (!code.is_code()) {
        if (code.dpl() != 0) return breaks(g, CheckId::guest_cs_data_dpl, cs.rights);
    } else if (code.is_conforming_code()) {
        if (code.dpl() > cpl) return breaks(g, CheckId::guest_cs_conforming_dpl, cs.rights);
    } else if (code.dpl() != cpl) {
        return breaks(g, CheckId::guest_cs_dpl, cs.rights);
    }
    return {};
}

GuestCheckResult check_stack_and_data_dpl(const GuestEntry& g) {
    const u8 cpl = rights_of(g, ss).dpl();
    if (!g.unrestricted() && cpl != selector_of(g, ss).rpl())
        return breaks(g, CheckId::guest_ss_dpl, ss.rights);
    const bool wants_zero = rights_of(g, cs).type() == type::read_write_accessed || !g.protected_mode();
    if (wants_zero && cpl != 0) return breaks(g, CheckId::guest_ss_dpl_zero, ss.rights);
    if (g.unrestricted()) return {};
    for (const Segment& s : data) {
        const AccessRights rights = rights_of(g, s);
        if (usable(g, s) && !rights.is_conforming_code() && rights.dpl() < selector_of(g, s).rpl())
            return breaks(g, CheckId::guest_data_dpl, s.rights);
    }
    return {};
}

GuestCheckResult check_default_size(const GuestEntry& g) {
    if (g.code_64() && rights_of(g, cs).default_32())
        return breaks(g, CheckId::guest_cs_long_and_default, cs.rights);
    return {};
}

/// A rule about the access rights, alone or together with the limit, of each register that is in use.
struct Rule {
    CheckId id;
    bool (*holds)(AccessRights rights, u32 limit);
};

constexpr Rule not_system{CheckId::guest_segment_not_system,
                          [](AccessRights rights, u32) { return rights.code_or_data(); }};
constexpr Rule is_system{CheckId::guest_system_segment,
                         [](AccessRights rights, u32) { return !rights.code_or_data(); }};
constexpr Rule present{CheckId::guest_segment_present,
                       [](AccessRights rights, u32) { return rights.present(); }};
constexpr Rule reserved_low{CheckId::guest_segment_reserved_low, [](AccessRights rights, u32) {
                                return (rights.raw & AccessRights::reserved_low) == 0;
                            }};
constexpr Rule granularity_fine{CheckId::guest_segment_granularity_fine, [](AccessRights rights, u32 limit) {
                                    return (limit & 0xfff) == 0xfff || !rights.page_granular();
                                }};
constexpr Rule granularity_coarse{
    CheckId::guest_segment_granularity_coarse,
    [](AccessRights rights, u32 limit) { return (limit >> 20) == 0 || rights.page_granular(); }};
constexpr Rule reserved_high{CheckId::guest_segment_reserved_high, [](AccessRights rights, u32) {
                                 return (rights.raw & AccessRights::reserved_high) == 0;
                             }};

GuestCheckResult apply(const GuestEntry& g, const Rule& rule, const Segment& s) {
    if (in_use(g, s) && !rule.holds(rights_of(g, s), limit_of(g, s))) return breaks(g, rule.id, s.rights);
    return {};
}

template <const Rule& rule>
GuestCheckResult check_ordinary(const GuestEntry& g) {
    for (const Segment& s : ordinary)
        if (const GuestCheckResult result = apply(g, rule, s); !result.passed()) return result;
    return {};
}

GuestCheckResult check_ordinary_rights(const GuestEntry& g) {
    return first_broken(g, {check_types, check_ordinary<not_system>, check_code_dpl, check_stack_and_data_dpl,
                            check_ordinary<present>, check_ordinary<reserved_low>, check_default_size,
                            check_ordinary<granularity_fine>, check_ordinary<granularity_coarse>,
                            check_ordinary<reserved_high>});
}

GuestCheckResult check_system_segment(const GuestEntry& g, const Segment& s) {
    for (const Rule* rule :
         {&is_system, &present, &reserved_low, &granularity_fine, &granularity_coarse, &reserved_high})
        if (const GuestCheckResult result = apply(g, *rule, s); !result.passed()) return result;
    return {};
}

GuestCheckResult check_tr(const GuestEntry& g) {
    const u8 tss = rights_of(g, tr).type();
    if (tss != type::busy_tss && (g.ia32e() || tss != type::busy_tss_16))
        return breaks(g, CheckId::guest_tr_type, tr.rights);
    if (const GuestCheckResult result = check_system_segment(g, tr); !result.passed()) return result;
    if (!usable(g, tr)) return breaks(g, CheckId::guest_tr_unusable, tr.rights);
    return {};
}

GuestCheckResult check_ldtr(const GuestEntry& g) {
    if (usable(g, ldtr) && rights_of(g, ldtr).type() != type::ldt)
        return breaks(g, CheckId::guest_ldtr_type, ldtr.rights);
    return check_system_segment(g, ldtr);
}

}  // namespace

GuestCheckResult check_guest_segments(const GuestEntry& entry) {
    const Check ordinary_segments = entry.virtual_8086() ? check_v8086 : check_ordinary_rights;
    return first_broken(entry, {check_selectors, check_bases, ordinary_segments, check_tr, check_ldtr});
}

}  // namespace kurma::vmx::guest_checks
