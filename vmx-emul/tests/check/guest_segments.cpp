// Guest segment registers (SDM 3C 27.3.1.2), each rule violated alone, in each register that it is for.
#include <vector>

#include "guest.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using namespace testing;

/// The fields of one register; the sweeps below go over several.
struct Register {
    FieldId selector, base, limit, rights;
};
#define REGISTER(name)                                                                                 \
    Register {                                                                                         \
        FieldId::guest_##name##_selector, FieldId::guest_##name##_base, FieldId::guest_##name##_limit, \
            FieldId::guest_##name##_access_rights                                                      \
    }
const Register cs = REGISTER(cs), ss = REGISTER(ss), ds = REGISTER(ds), es = REGISTER(es), fs = REGISTER(fs),
               gs = REGISTER(gs), tr = REGISTER(tr), ldtr = REGISTER(ldtr);
#undef REGISTER
const std::vector<Register> ordinary{cs, ss, ds, es, fs, gs};
const std::vector<Register> data{ds, es, fs, gs};

u64& at(Vmcs12& v, FieldId id) { return v.image[static_cast<usize>(id)]; }
Change put(FieldId id, u64 value) {
    return [=](Vmcs12& v) { at(v, id) = value; };
}
GuestCheckResult broken(CheckId id, FieldId field, u64 value) { return {id, field, value}; }
GuestCheckResult in_restricted_64_bit_mode(const Change& change) {
    return changed(restricted(valid_64_bit_guest(offered)), change);
}
GuestCheckResult in_restricted_32_bit_mode(const Change& change) {
    return changed(restricted(valid_32_bit_guest(offered)), change);
}

constexpr u32 unusable = 1u << 16;
constexpr u32 usable_ldt = 0x82;

TEST(CheckGuestSegments, tr_and_a_usable_ldtr_are_in_the_gdt) {
    EXPECT_EQ(in_64_bit_mode(with(guest_tr_selector, 0x44)),
              violates(CheckId::guest_system_selector_local, guest_tr_selector, 0x44));
    EXPECT_EQ(in_64_bit_mode(with(guest_ldtr_selector, 0x54)), valid);
    EXPECT_EQ(
        in_64_bit_mode(all({with(guest_ldtr_selector, 0x54), with(guest_ldtr_access_rights, {usable_ldt})})),
        violates(CheckId::guest_system_selector_local, guest_ldtr_selector, 0x54));
    EXPECT_EQ(
        in_64_bit_mode(all({with(guest_ldtr_selector, 0x50), with(guest_ldtr_access_rights, {usable_ldt})})),
        valid);
}

TEST(CheckGuestSegments, ss_has_the_rpl_of_cs_unless_the_guest_is_unrestricted) {
    for (u16 rpl = 1; rpl < 4; ++rpl) {
        const u16 selector = static_cast<u16>(0x18 | rpl);
        EXPECT_EQ(in_restricted_64_bit_mode(with(guest_ss_selector, selector)),
                  violates(CheckId::guest_ss_rpl, guest_ss_selector, selector));
        EXPECT_EQ(in_64_bit_mode(with(guest_ss_selector, selector)), valid);
    }
    EXPECT_EQ(changed(restricted(valid_virtual_8086_guest(offered)),
                      all({with(guest_ss_selector, 0x1001), with(guest_ss_base, 0x1'0010)})),
              valid)
        << "a virtual-8086 selector has no RPL";
}

TEST(CheckGuestSegments, a_virtual_8086_base_is_the_selector_times_16) {
    for (const Register& r : ordinary) {
        Vmcs12 v = valid_virtual_8086_guest(offered);
        const u64 right = at(v, r.base);
        for (const u64 wrong : {right + 1, right ^ 0x10'0000, right | u64{1} << 32}) {
            at(v, r.base) = wrong;
            EXPECT_EQ(check(v), broken(CheckId::guest_v8086_base, r.base, wrong));
        }
    }
    EXPECT_EQ(in_real_mode(with(guest_ds_base, 0x1234'5678)), valid) << "real mode leaves bases alone";
}

TEST(CheckGuestSegments, tr_fs_gs_and_a_usable_ldtr_have_canonical_bases) {
    for (const Register& r : {tr, fs, gs}) {
        for (const u64 base : not_canonical) {
            EXPECT_EQ(in_64_bit_mode(put(r.base, base)),
                      broken(CheckId::guest_segment_base_canonical, r.base, base));
            EXPECT_EQ(in_32_bit_mode(put(r.base, base)),
                      broken(CheckId::guest_segment_base_canonical, r.base, base));
        }
        for (const u64 base : canonical) EXPECT_EQ(in_64_bit_mode(put(r.base, base)), valid);
    }
    EXPECT_EQ(in_64_bit_mode(all({put(fs.base, not_canonical[0]), put(fs.rights, unusable)})),
              broken(CheckId::guest_segment_base_canonical, fs.base, not_canonical[0]))
        << "an unusable FS has a base too";
    EXPECT_EQ(in_64_bit_mode(put(ldtr.base, not_canonical[0])), valid);
    EXPECT_EQ(in_64_bit_mode(all({put(ldtr.base, not_canonical[0]), put(ldtr.rights, usable_ldt)})),
              broken(CheckId::guest_segment_base_canonical, ldtr.base, not_canonical[0]));
}

TEST(CheckGuestSegments, cs_and_usable_ss_ds_and_es_have_32_bit_bases) {
    constexpr u64 high = u64{1} << 32;
    for (const Register& r : {cs, ss, ds, es}) {
        EXPECT_EQ(in_64_bit_mode(put(r.base, high)), broken(CheckId::guest_segment_base_high, r.base, high));
        EXPECT_EQ(in_64_bit_mode(put(r.base, high - 1)), valid);
    }
    for (const Register& r : {ss, ds, es})
        EXPECT_EQ(in_64_bit_mode(all({put(r.base, high), put(r.rights, unusable)})), valid);
}

TEST(CheckGuestSegments, a_virtual_8086_limit_is_64k) {
    for (const Register& r : ordinary)
        for (const u64 limit : {0xfffeu, 0x1'ffffu, 0u})
            EXPECT_EQ(in_virtual_8086_mode(put(r.limit, limit)),
                      broken(CheckId::guest_v8086_limit, r.limit, limit));
}

TEST(CheckGuestSegments, virtual_8086_access_rights_are_f3_in_every_bit) {
    for (const Register& r : ordinary)
        for (unsigned bit = 0; bit < 32; ++bit) {
            const u64 rights = 0xf3 ^ u64 { 1 } << bit;
            EXPECT_EQ(in_virtual_8086_mode(put(r.rights, rights)),
                      broken(CheckId::guest_v8086_access_rights, r.rights, rights));
        }
}

TEST(CheckGuestSegments, cs_is_accessed_code_or_for_an_unrestricted_guest_data) {
    for (u32 type = 0; type < 16; ++type) {
        const u64 rights = (sample::code_64 & ~0xfu) | type;
        const bool code = type == 9 || type == 11 || type == 13 || type == 15;
        EXPECT_EQ(in_restricted_64_bit_mode(put(cs.rights, rights)),
                  code ? valid : broken(CheckId::guest_cs_type, cs.rights, rights))
            << type;
        EXPECT_EQ(in_64_bit_mode(put(cs.rights, rights)),
                  code || type == 3 ? valid : broken(CheckId::guest_cs_type, cs.rights, rights))
            << type;
    }
    EXPECT_EQ(in_64_bit_mode(put(cs.rights, 0xa093 | unusable)), valid) << "CS is in use anyway";
    EXPECT_EQ(in_64_bit_mode(put(cs.rights, unusable)), broken(CheckId::guest_cs_type, cs.rights, unusable));
}

TEST(CheckGuestSegments, a_usable_ss_is_accessed_writable_data) {
    for (u32 type = 0; type < 16; ++type) {
        const u64 rights = (sample::data & ~0xfu) | type;
        EXPECT_EQ(in_64_bit_mode(put(ss.rights, rights)),
                  type == 3 || type == 7 ? valid : broken(CheckId::guest_ss_type, ss.rights, rights))
            << type;
    }
    EXPECT_EQ(in_64_bit_mode(put(ss.rights, unusable)), valid);
}

TEST(CheckGuestSegments, usable_data_segments_are_accessed_and_if_code_readable) {
    for (const Register& r : data) {
        for (u32 type = 0; type < 16; ++type) {
            const u64 rights = (sample::data & ~0xfu) | type;
            const bool accessed = (type & 1) != 0, unreadable = type == 9 || type == 13;
            EXPECT_EQ(in_64_bit_mode(put(r.rights, rights)),
                      !accessed    ? broken(CheckId::guest_data_accessed, r.rights, rights)
                      : unreadable ? broken(CheckId::guest_data_readable, r.rights, rights)
                                   : valid)
                << type;
        }
        EXPECT_EQ(in_64_bit_mode(put(r.rights, unusable)), valid);
    }
}

TEST(CheckGuestSegments, ordinary_segments_in_use_are_not_system_segments) {
    for (const Register& r : ordinary) {
        const u64 rights = (r.rights == cs.rights ? sample::code_64 : sample::data) & ~0x10u;
        EXPECT_EQ(in_64_bit_mode(put(r.rights, rights)),
                  broken(CheckId::guest_segment_not_system, r.rights, rights));
    }
}

constexpr u64 dpl(u64 level) { return level << 5; }

TEST(CheckGuestSegments, cs_that_is_data_has_dpl_0) {
    for (u64 level = 1; level < 4; ++level)
        EXPECT_EQ(in_real_mode(put(cs.rights, sample::data_16 | dpl(level))),
                  broken(CheckId::guest_cs_data_dpl, cs.rights, sample::data_16 | dpl(level)));
}

TEST(CheckGuestSegments, non_conforming_cs_has_the_dpl_of_ss_and_conforming_cs_at_most) {
    for (u64 of_cs = 0; of_cs < 4; ++of_cs)
        for (u64 of_ss = 0; of_ss < 4; ++of_ss)
            for (const u64 type : {9u, 11u, 13u, 15u}) {
                const u64 rights = (sample::code_64 & ~0xfu) | type | dpl(of_cs);
                const Change change =
                    all({put(cs.rights, rights), put(ss.rights, sample::data | dpl(of_ss))});
                const bool conforming = type >= 13;
                const bool fine = conforming ? of_cs <= of_ss : of_cs == of_ss;
                const CheckId id = conforming ? CheckId::guest_cs_conforming_dpl : CheckId::guest_cs_dpl;
                EXPECT_EQ(in_64_bit_mode(change), fine ? valid : broken(id, cs.rights, rights))
                    << "CS " << of_cs << " SS " << of_ss << " type " << type;
            }
}

TEST(CheckGuestSegments, ss_of_a_restricted_guest_has_its_rpl_as_dpl) {
    const Change at_level_3 =
        all({put(cs.rights, sample::code_64 | dpl(3)), put(ss.rights, sample::data | dpl(3)),
             put(cs.selector, 0x13), put(ss.selector, 0x1b)});
    EXPECT_EQ(in_restricted_64_bit_mode(at_level_3), valid);
    EXPECT_EQ(in_restricted_64_bit_mode(all({at_level_3, put(cs.selector, 0x10), put(ss.selector, 0x18)})),
              broken(CheckId::guest_ss_dpl, ss.rights, sample::data | dpl(3)));
    EXPECT_EQ(in_64_bit_mode(all({at_level_3, put(cs.selector, 0x10), put(ss.selector, 0x18)})), valid);
}

TEST(CheckGuestSegments, ss_has_dpl_0_in_real_mode_and_where_cs_is_data) {
    EXPECT_EQ(in_real_mode(put(ss.rights, sample::data_16 | dpl(3))),
              broken(CheckId::guest_ss_dpl_zero, ss.rights, sample::data_16 | dpl(3)));
    const Change code_in_real_mode = put(cs.rights, sample::code_16 | dpl(2));
    EXPECT_EQ(in_real_mode(all({code_in_real_mode, put(ss.rights, sample::data_16 | dpl(2))})),
              broken(CheckId::guest_ss_dpl_zero, ss.rights, sample::data_16 | dpl(2)));
    EXPECT_EQ(in_32_bit_mode(all({put(cs.rights, sample::data), put(ss.rights, sample::data | dpl(1))})),
              broken(CheckId::guest_ss_dpl_zero, ss.rights, sample::data | dpl(1)));
    EXPECT_EQ(in_real_mode(all({code_in_real_mode, put(ss.rights, sample::data_16 | dpl(2) | unusable)})),
              broken(CheckId::guest_ss_dpl_zero, ss.rights, sample::data_16 | dpl(2) | unusable))
        << "an unusable SS still has the guest's privilege level";
}

TEST(CheckGuestSegments, data_segments_of_a_restricted_guest_have_a_dpl_of_at_least_their_rpl) {
    for (const Register& r : data)
        for (u64 level = 0; level < 4; ++level)
            for (u64 rpl = 0; rpl < 4; ++rpl)
                for (const u64 type : {3u, 11u, 15u}) {
                    const u64 rights = (sample::data & ~0xfu) | type | dpl(level);
                    const Change change = all({put(r.rights, rights), put(r.selector, 0x18 | rpl)});
                    const bool conforming = type == 15;
                    EXPECT_EQ(in_restricted_64_bit_mode(change),
                              level >= rpl || conforming ? valid
                                                         : broken(CheckId::guest_data_dpl, r.rights, rights));
                    EXPECT_EQ(in_64_bit_mode(change), valid);
                    EXPECT_EQ(in_restricted_64_bit_mode(all({change, put(r.rights, rights | unusable)})),
                              valid);
                }
}

/// The registers with access rights that are good for each, and whether they may be unusable.
struct Sample {
    Register segment;
    u64 rights;
    bool may_be_unusable;
};
const std::vector<Sample> every_register{
    {cs, sample::code_64, false}, {ss, sample::data, true}, {ds, sample::data, true},
    {es, sample::data, true},     {fs, sample::data, true}, {gs, sample::data, true},
    {tr, sample::tss, false},     {ldtr, usable_ldt, true},
};

TEST(CheckGuestSegments, segments_in_use_are_present) {
    for (const Sample& s : every_register) {
        const u64 rights = s.rights & ~u64{0x80};
        EXPECT_EQ(in_64_bit_mode(put(s.segment.rights, rights)),
                  broken(CheckId::guest_segment_present, s.segment.rights, rights));
    }
}

TEST(CheckGuestSegments, reserved_bits_of_access_rights_in_use_are_zero) {
    for (const Sample& s : every_register)
        for (unsigned bit = 8; bit < 32; ++bit) {
            if (bit >= 12 && bit <= 16) continue;
            const u64 rights = s.rights | u64{1} << bit;
            const CheckId id =
                bit < 12 ? CheckId::guest_segment_reserved_low : CheckId::guest_segment_reserved_high;
            EXPECT_EQ(in_64_bit_mode(put(s.segment.rights, rights)), broken(id, s.segment.rights, rights));
            if (s.may_be_unusable) {
                EXPECT_EQ(in_64_bit_mode(put(s.segment.rights, rights | unusable)), valid);
            }
        }
}

TEST(CheckGuestSegments, the_software_available_bit_is_software_s) {
    for (const Sample& s : every_register)
        EXPECT_EQ(in_64_bit_mode(put(s.segment.rights, s.rights | 1u << 12)), valid);
}

TEST(CheckGuestSegments, cs_of_64_bit_code_has_no_32_bit_default) {
    constexpr u64 both = sample::code_64 | 1u << 14;
    EXPECT_EQ(in_64_bit_mode(put(cs.rights, both)),
              broken(CheckId::guest_cs_long_and_default, cs.rights, both));
    EXPECT_EQ(in_32_bit_mode(put(cs.rights, both)), valid) << "L means nothing outside of IA-32e mode";
    EXPECT_EQ(in_64_bit_mode(all({put(cs.rights, sample::code_32), with(guest_rip, 0x1000)})), valid)
        << "compatibility mode";
}

TEST(CheckGuestSegments, the_granularity_bit_fits_the_limit) {
    constexpr u64 g = 1u << 15;
    for (const Sample& s : every_register) {
        const auto result = [&](u64 limit, u64 granularity) {
            return in_64_bit_mode(
                all({put(s.segment.limit, limit), put(s.segment.rights, (s.rights & ~g) | granularity)}));
        };
        for (unsigned bit = 0; bit < 12; ++bit)
            EXPECT_EQ(result(0xfff ^ 1u << bit, g),
                      broken(CheckId::guest_segment_granularity_fine, s.segment.rights, s.rights | g));
        for (unsigned bit = 20; bit < 32; ++bit)
            EXPECT_EQ(result(u64{1} << bit | 0xfff, 0),
                      broken(CheckId::guest_segment_granularity_coarse, s.segment.rights, s.rights & ~g));
        EXPECT_EQ(result(0, 0), valid);
        EXPECT_EQ(result(0xf'ffff, 0), valid);
        EXPECT_EQ(result(0xf'ffff, g), valid) << "either will do";
        EXPECT_EQ(result(0xffff'ffff, g), valid);
    }
}

TEST(CheckGuestSegments, tr_is_a_busy_tss) {
    for (u64 type = 0; type < 16; ++type) {
        const u64 rights = 0x80 | type;
        EXPECT_EQ(in_64_bit_mode(put(tr.rights, rights)),
                  type == 11 ? valid : broken(CheckId::guest_tr_type, tr.rights, rights));
        EXPECT_EQ(in_32_bit_mode(put(tr.rights, rights)),
                  type == 11 || type == 3 ? valid : broken(CheckId::guest_tr_type, tr.rights, rights));
    }
}

TEST(CheckGuestSegments, tr_is_usable) {
    EXPECT_EQ(in_64_bit_mode(put(tr.rights, sample::tss | unusable)),
              broken(CheckId::guest_tr_unusable, tr.rights, sample::tss | unusable));
}

TEST(CheckGuestSegments, a_usable_ldtr_is_an_ldt) {
    for (u64 type = 0; type < 16; ++type) {
        const u64 rights = 0x80 | type;
        EXPECT_EQ(in_64_bit_mode(put(ldtr.rights, rights)),
                  type == 2 ? valid : broken(CheckId::guest_ldtr_type, ldtr.rights, rights));
        EXPECT_EQ(in_64_bit_mode(put(ldtr.rights, rights | unusable)), valid);
    }
}

TEST(CheckGuestSegments, tr_and_a_usable_ldtr_are_system_segments) {
    EXPECT_EQ(in_64_bit_mode(put(tr.rights, sample::tss | 0x10)),
              broken(CheckId::guest_system_segment, tr.rights, sample::tss | 0x10));
    EXPECT_EQ(in_64_bit_mode(put(ldtr.rights, usable_ldt | 0x10)),
              broken(CheckId::guest_system_segment, ldtr.rights, usable_ldt | 0x10));
}

TEST(CheckGuestSegments, the_system_segments_of_a_virtual_8086_guest_are_checked_too) {
    EXPECT_EQ(in_virtual_8086_mode(put(tr.rights, 0x89)), broken(CheckId::guest_tr_type, tr.rights, 0x89));
    EXPECT_EQ(in_virtual_8086_mode(put(ldtr.rights, 0x81)),
              broken(CheckId::guest_ldtr_type, ldtr.rights, 0x81));
}

TEST(CheckGuestSegments, of_two_violations_reports_the_one_that_the_manual_has_first) {
    EXPECT_EQ(in_64_bit_mode(all({put(es.rights, 0), put(cs.rights, sample::code_64 & ~0x80u)})),
              broken(CheckId::guest_data_accessed, es.rights, 0))
        << "types come before the present bits";
    EXPECT_EQ(in_64_bit_mode(all({put(cs.base, ~u64{0}), put(tr.selector, 4)})),
              broken(CheckId::guest_system_selector_local, tr.selector, 4));
    EXPECT_EQ(in_restricted_32_bit_mode(all({put(gs.rights, 0x93 | 0x80'0000), put(tr.rights, 0)})),
              broken(CheckId::guest_segment_granularity_coarse, gs.rights, 0x93 | 0x80'0000));
}

}  // namespace
}  // namespace kurma::vmx
