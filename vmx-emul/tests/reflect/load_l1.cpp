// The host state that an exit loads (SDM 3C 28.5), seen as vmcs01's guest state.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vmx/reflect.hpp>

#include "../../testing/fake_vmcs.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using testing::FakeVmcs;

const Capabilities offered = offer(testing::haswell(), Policy{});
constexpr LeftByL2 left{.cr0 = 0x8000'0031, .efer = 0x901, .pat = 0x0707'0707'0707'0707};

FakeVmcs loaded(const Vmcs12& v, LeftByL2 of_l2 = left, NmiBlocking blocking = NmiBlocking::none) {
    FakeVmcs vmcs01;
    load_l1(v, of_l2, blocking, vmcs01);
    return vmcs01;
}
Vmcs12 wide() { return testing::valid_vmcs12(offered); }
Vmcs12 narrow() { return testing::valid_32_bit_vmcs12(offered); }

// SDM 3C 28.5.1: ET (4), 15:6, 17, 28:19, NW (29), CD (30) and 63:32 stay as they are.
TEST(LoadL1, cr0_comes_from_the_host_field_but_for_the_bits_that_an_exit_leaves) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const bool kept =
            bit == 4 || (bit >= 6 && bit <= 15) || bit == 17 || (bit >= 19 && bit <= 30) || bit >= 32;
        const u64 mask = u64{1} << bit;
        Vmcs12 v = wide();
        v.set(host_cr0, mask);
        const LeftByL2 none{}, all{.cr0 = ~u64{0}};
        EXPECT_EQ((loaded(v, none).get(guest_cr0) & mask) != 0, !kept) << "host bit " << bit;
        v.set(host_cr0, 0);
        EXPECT_EQ((loaded(v, all).get(guest_cr0) & mask) != 0, kept) << "L2's bit " << bit;
    }
}

TEST(LoadL1, cr3_and_cr4_come_from_the_host_fields) {
    Vmcs12 v = wide();
    v.set(host_cr3, 0x12'3000);
    v.set(host_cr4, 0x2'26a0);
    const FakeVmcs vmcs01 = loaded(v);
    EXPECT_EQ(vmcs01.get(guest_cr3), 0x12'3000u);
    EXPECT_EQ(vmcs01.get(guest_cr4), 0x2'26a0u);
}

TEST(LoadL1, a_64_bit_host_has_pae_and_a_32_bit_host_has_no_pcids) {
    constexpr u64 pae = 1u << 5, pcide = 1u << 17, vmxe = 1u << 13;
    Vmcs12 v = wide();
    v.set(host_cr4, vmxe);
    EXPECT_EQ(loaded(v).get(guest_cr4), vmxe | pae);
    v = narrow();
    v.set(host_cr4, vmxe | pcide);
    EXPECT_EQ(loaded(v).get(guest_cr4), vmxe);
}

TEST(LoadL1, l1_reads_back_the_control_registers_that_were_loaded) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.get(cr0_read_shadow), vmcs01.get(guest_cr0));
    EXPECT_EQ(vmcs01.get(cr4_read_shadow), vmcs01.get(guest_cr4));
}

TEST(LoadL1, sysenter_msrs_come_from_the_host_fields) {
    Vmcs12 v = wide();
    v.set(host_sysenter_cs, 0x99);
    v.set(host_sysenter_esp, 0x1111);
    v.set(host_sysenter_eip, 0x2222);
    const FakeVmcs vmcs01 = loaded(v);
    EXPECT_EQ(vmcs01.get(guest_sysenter_cs), 0x99u);
    EXPECT_EQ(vmcs01.get(guest_sysenter_esp), 0x1111u);
    EXPECT_EQ(vmcs01.get(guest_sysenter_eip), 0x2222u);
}

// LMA and LME are the host-address-space size; the rest is the field's where it is loaded, or stays.
TEST(LoadL1, efer_follows_the_two_exit_controls) {
    constexpr u64 lme_lma = 0x500;
    Vmcs12 v = wide();
    v.set(host_efer, 0xd00);
    EXPECT_EQ(loaded(v).get(guest_efer), 0xd00u);
    v.set(exit_controls, v.get(exit_controls).without(Exit::load_efer));
    EXPECT_EQ(loaded(v, {.efer = 0x801}).get(guest_efer), 0x801u | lme_lma);
    v = narrow();
    v.set(host_efer, 0x800);
    EXPECT_EQ(loaded(v).get(guest_efer), 0x800u);
    v.set(exit_controls, v.get(exit_controls).without(Exit::load_efer));
    EXPECT_EQ(loaded(v, {.efer = 0xd01}).get(guest_efer), 0x801u);
}

TEST(LoadL1, pat_is_loaded_or_left) {
    Vmcs12 v = wide();
    EXPECT_EQ(loaded(v).get(guest_pat), testing::sample::pat);
    v.set(exit_controls, v.get(exit_controls).without(Exit::load_pat));
    EXPECT_EQ(loaded(v).get(guest_pat), left.pat);
}

// SDM 3C 28.5.2; access rights in the format of table 25-2.
TEST(LoadL1, code_is_flat_and_of_the_hosts_size) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.get(guest_cs_selector), 0x10);
    EXPECT_EQ(vmcs01.get(guest_cs_base), 0u);
    EXPECT_EQ(vmcs01.get(guest_cs_limit), 0xffff'ffffu);
    EXPECT_EQ(vmcs01.get(guest_cs_access_rights).raw, 0xa09bu);
    EXPECT_EQ(loaded(narrow()).get(guest_cs_access_rights).raw, 0xc09bu);
}

TEST(LoadL1, data_segments_are_flat) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.get(guest_ss_selector), 0x18);
    EXPECT_EQ(vmcs01.get(guest_ds_selector), 0x20);
    EXPECT_EQ(vmcs01.get(guest_es_selector), 0x28);
    EXPECT_EQ(vmcs01.get(guest_fs_selector), 0x30);
    EXPECT_EQ(vmcs01.get(guest_gs_selector), 0x38);
    for (const FieldId id :
         {FieldId::guest_ss_access_rights, FieldId::guest_ds_access_rights, FieldId::guest_es_access_rights,
          FieldId::guest_fs_access_rights, FieldId::guest_gs_access_rights})
        EXPECT_EQ(vmcs01.peek(id), 0xc093u) << row_of(id).name;
    for (const FieldId id : {FieldId::guest_ss_limit, FieldId::guest_ds_limit, FieldId::guest_es_limit,
                             FieldId::guest_fs_limit, FieldId::guest_gs_limit})
        EXPECT_EQ(vmcs01.peek(id), 0xffff'ffffu) << row_of(id).name;
    for (const FieldId id : {FieldId::guest_ss_base, FieldId::guest_ds_base, FieldId::guest_es_base})
        EXPECT_EQ(vmcs01.peek(id), 0u) << row_of(id).name;
}

TEST(LoadL1, fs_and_gs_have_the_hosts_bases_even_with_null_selectors) {
    Vmcs12 v = wide();
    v.set(host_fs_selector, 0);
    v.set(host_gs_selector, 0);
    const FakeVmcs vmcs01 = loaded(v);
    EXPECT_EQ(vmcs01.get(guest_fs_base), 0x0000'7f00'0000'1000u);
    EXPECT_EQ(vmcs01.get(guest_gs_base), 0xffff'8880'0000'2000u);
}

TEST(LoadL1, a_null_selector_leaves_its_segment_unusable) {
    Vmcs12 v = wide();
    v.set(host_ss_selector, 0);
    v.set(host_ds_selector, 0);
    v.set(host_es_selector, 0);
    v.set(host_fs_selector, 0);
    v.set(host_gs_selector, 0);
    const FakeVmcs vmcs01 = loaded(v);
    constexpr u32 unusable = 1u << 16, dpl = 3u << 5;
    for (const FieldId id :
         {FieldId::guest_ss_access_rights, FieldId::guest_ds_access_rights, FieldId::guest_es_access_rights,
          FieldId::guest_fs_access_rights, FieldId::guest_gs_access_rights})
        EXPECT_NE(vmcs01.peek(id) & unusable, 0u) << row_of(id).name;
    EXPECT_EQ(vmcs01.get(guest_ss_access_rights).raw & dpl, 0u) << "SS.DPL is the CPL even so";
}

// SDM 3C 28.5.2: base and limit of an unusable SS, DS or ES, and the limit of an unusable FS or GS, are
// undefined; so nobody pays for them.
TEST(LoadL1, writes_of_a_segment_with_a_null_selector_only_what_is_defined) {
    struct Segment {
        FieldId host_selector, selector, base, limit, rights;
        bool has_base;
    };
    for (const Segment segment :
         {Segment{FieldId::host_ss_selector, FieldId::guest_ss_selector, FieldId::guest_ss_base,
                  FieldId::guest_ss_limit, FieldId::guest_ss_access_rights, false},
          {FieldId::host_ds_selector, FieldId::guest_ds_selector, FieldId::guest_ds_base,
           FieldId::guest_ds_limit, FieldId::guest_ds_access_rights, false},
          {FieldId::host_es_selector, FieldId::guest_es_selector, FieldId::guest_es_base,
           FieldId::guest_es_limit, FieldId::guest_es_access_rights, false},
          {FieldId::host_fs_selector, FieldId::guest_fs_selector, FieldId::guest_fs_base,
           FieldId::guest_fs_limit, FieldId::guest_fs_access_rights, true},
          {FieldId::host_gs_selector, FieldId::guest_gs_selector, FieldId::guest_gs_base,
           FieldId::guest_gs_limit, FieldId::guest_gs_access_rights, true}}) {
        const char* const name = row_of(segment.selector).name;
        Vmcs12 v = wide();
        const FakeVmcs usable = loaded(v);
        for (const FieldId id : {segment.selector, segment.base, segment.limit, segment.rights})
            EXPECT_EQ(usable.writes_of(id), 1u) << row_of(id).name;
        v.image[static_cast<usize>(segment.host_selector)] = 0;
        const FakeVmcs null = loaded(v);
        EXPECT_EQ(null.writes_of(segment.selector), 1u) << name;
        EXPECT_EQ(null.peek(segment.selector), 0u) << name;
        EXPECT_EQ(null.writes_of(segment.rights), 1u) << name;
        EXPECT_EQ(null.writes_of(segment.limit), 0u) << name;
        EXPECT_EQ(null.writes_of(segment.base), segment.has_base ? 1u : 0u) << name;
        EXPECT_EQ(null.writes(), usable.writes() - (segment.has_base ? 1u : 2u)) << "and all the others";
    }
}

TEST(LoadL1, the_task_register_is_a_busy_tss_and_ldtr_is_unusable) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.get(guest_tr_selector), 0x40);
    EXPECT_EQ(vmcs01.get(guest_tr_base), 0xffff'fe00'0000'3000u);
    EXPECT_EQ(vmcs01.get(guest_tr_limit), 0x67u);
    EXPECT_EQ(vmcs01.get(guest_tr_access_rights).raw, 0x8bu);
    EXPECT_EQ(vmcs01.get(guest_ldtr_selector), 0);
    EXPECT_NE(vmcs01.get(guest_ldtr_access_rights).raw & 1u << 16, 0u);
}

TEST(LoadL1, descriptor_tables_have_the_hosts_bases_and_the_longest_limit) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.get(guest_gdtr_base), 0xffff'fe00'0000'1000u);
    EXPECT_EQ(vmcs01.get(guest_idtr_base), 0xffff'fe00'0000'0000u);
    EXPECT_EQ(vmcs01.get(guest_gdtr_limit), 0xffffu);
    EXPECT_EQ(vmcs01.get(guest_idtr_limit), 0xffffu);
}

// SDM 3C 28.5.3, 28.5.1, 28.5.5.
TEST(LoadL1, execution_goes_on_at_the_hosts_rip_with_clean_flags_and_debug_registers) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.get(guest_rip), 0xffff'ffff'8190'0000u);
    EXPECT_EQ(vmcs01.get(guest_rsp), 0xffff'c900'0000'5000u);
    EXPECT_EQ(vmcs01.get(guest_rflags), 2u);
    EXPECT_EQ(vmcs01.get(guest_dr7), 0x400u);
    EXPECT_EQ(vmcs01.get(guest_debugctl), 0u);
    EXPECT_TRUE(vmcs01.wrote(FieldId::guest_debugctl));
}

TEST(LoadL1, l1_is_active_and_nothing_is_pending_or_blocked) {
    FakeVmcs vmcs01;
    vmcs01.set(guest_activity_state, 1);
    vmcs01.set(guest_pending_debug_exceptions, 0x4000);
    vmcs01.set(guest_interruptibility, 0xf);
    load_l1(wide(), left, NmiBlocking::none, vmcs01);
    EXPECT_EQ(vmcs01.get(guest_activity_state), 0u);
    EXPECT_EQ(vmcs01.get(guest_pending_debug_exceptions), 0u);
    EXPECT_EQ(vmcs01.get(guest_interruptibility), 0u);
}

TEST(LoadL1, an_exit_by_an_nmi_blocks_nmis) {
    EXPECT_EQ(loaded(wide(), left, NmiBlocking::in_effect).get(guest_interruptibility), 1u << 3);
}

std::set<std::string> fields_written(const FakeVmcs& vmcs01) {
    std::set<std::string> fields;
    for (const FakeVmcs::Access& access : vmcs01.history())
        if (access.kind == FakeVmcs::Kind::write) fields.insert(row_of(access.id).name);
    return fields;
}

/// Registers that L1 cannot change without an exit, where L0 asks for one: CR0 and CR4 by their masks, MSRs
/// by their bitmap, DR7 by MOV-DR exiting, the tables by descriptor-table exiting (SDM 3C 25.6).
const std::set<std::string> watched{"guest_cr0",
                                    "cr0_read_shadow",
                                    "guest_cr4",
                                    "cr4_read_shadow",
                                    "guest_sysenter_cs",
                                    "guest_sysenter_esp",
                                    "guest_sysenter_eip",
                                    "guest_efer",
                                    "guest_pat",
                                    "guest_tr_selector",
                                    "guest_tr_base",
                                    "guest_tr_limit",
                                    "guest_ldtr_selector",
                                    "guest_gdtr_base",
                                    "guest_gdtr_limit",
                                    "guest_idtr_base",
                                    "guest_idtr_limit",
                                    "guest_dr7",
                                    "guest_debugctl",
                                    "guest_tr_access_rights",
                                    "guest_ldtr_access_rights"};

TEST(LoadL1, has_a_part_that_l1_cannot_change_unseen) {
    FakeVmcs vmcs01;
    load_l1_watched(wide(), left, vmcs01);
    EXPECT_EQ(fields_written(vmcs01), watched);
    EXPECT_EQ(vmcs01.reads(), 0u);
    EXPECT_EQ(vmcs01.writes(), watched.size());
}

// SDM 3C 28.5: each guest field that an exit loads is in one of the two parts, or is what an exit does to any
// L1: it blocks NMIs or it does not, and L1 is active.
TEST(LoadL1, is_its_two_parts_and_the_non_register_state) {
    std::set<std::string> expected = watched;
    for (const char* name : {"guest_cr3", "guest_rip", "guest_rsp", "guest_rflags", "guest_interruptibility",
                             "guest_activity_state", "guest_pending_debug_exceptions"})
        expected.insert(name);
    for (const std::string segment : {"cs", "ss", "ds", "es", "fs", "gs"})
        for (const std::string part : {"_selector", "_base", "_limit", "_access_rights"})
            expected.insert("guest_" + segment + part);
    EXPECT_EQ(fields_written(loaded(wide())), expected);
}

TEST(LoadL1, gives_each_field_the_value_that_its_part_gives) {
    for (const Vmcs12& v : {wide(), narrow()}) {
        FakeVmcs parts;
        load_l1_always(v, parts);
        load_l1_watched(v, left, parts);
        const FakeVmcs whole = loaded(v);
        for (usize i = 0; i < field_count; ++i)
            EXPECT_EQ(whole.peek(static_cast<FieldId>(i)), parts.peek(static_cast<FieldId>(i)))
                << field_rows[i].name;
    }
}

TEST(LoadL1, of_what_l1_may_change_unseen_reads_nothing_and_writes_29_fields) {
    FakeVmcs vmcs01;
    load_l1_always(wide(), vmcs01);
    EXPECT_EQ(vmcs01.reads(), 0u);
    EXPECT_EQ(vmcs01.writes(), 29u);
    for (const std::string& field : fields_written(vmcs01)) EXPECT_FALSE(watched.contains(field)) << field;
}

TEST(LoadL1, reads_nothing_and_writes_no_field_twice) {
    const FakeVmcs vmcs01 = loaded(wide());
    EXPECT_EQ(vmcs01.reads(), 0u);
    for (usize i = 0; i < field_count; ++i)
        EXPECT_LE(vmcs01.writes_of(static_cast<FieldId>(i)), 1u) << field_rows[i].name;
}

}  // namespace
}  // namespace kurma::vmx
