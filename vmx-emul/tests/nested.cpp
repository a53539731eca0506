// Sets of fields, and where a field of vmcs12 is to be looked for.
#include <gtest/gtest.h>

#include <set>
#include <vmx/nested.hpp>

namespace kurma::vmx {
namespace {

TEST(FieldSet, keeps_what_was_added_and_visits_it_in_order) {
    FieldSet set;
    EXPECT_TRUE(set.empty());
    std::vector<FieldId> expected;
    for (usize i = 0; i < field_count; i += 7) {
        set.add(static_cast<FieldId>(i));
        expected.push_back(static_cast<FieldId>(i));
    }
    std::vector<FieldId> seen;
    set.for_each([&](FieldId id) { seen.push_back(id); });
    EXPECT_EQ(seen, expected);
    for (usize i = 0; i < field_count; ++i) EXPECT_EQ(set.has(static_cast<FieldId>(i)), i % 7 == 0) << i;
    EXPECT_FALSE(set.empty());
    set.clear();
    EXPECT_TRUE(set.empty());
}

TEST(FieldSet, each_field_has_a_place_of_its_own) {
    for (usize i = 0; i < field_count; ++i) {
        FieldSet set;
        set.add(static_cast<FieldId>(i));
        for (usize j = 0; j < field_count; ++j) ASSERT_EQ(set.has(static_cast<FieldId>(j)), i == j);
    }
}

TEST(FieldSet, intersects) {
    FieldSet a, b;
    a.add(FieldId::vpid);
    a.add(FieldId::host_rip);
    b.add(FieldId::host_rip);
    b.add(FieldId::guest_rip);
    std::vector<FieldId> seen;
    (a & b).for_each([&](FieldId id) { seen.push_back(id); });
    EXPECT_EQ(seen, std::vector<FieldId>{FieldId::host_rip});
}

TEST(FieldSet, unites) {
    FieldSet a, b;
    a.add(FieldId::vpid);
    a.add(FieldId::host_rip);
    b.add(FieldId::host_rip);
    b.add(FieldId::guest_rip);
    EXPECT_EQ((a | b).count(), 3u);
    for (const FieldId id : {FieldId::vpid, FieldId::host_rip, FieldId::guest_rip})
        EXPECT_TRUE((a | b).has(id));
}

TEST(FieldSet, counts_what_it_has) {
    FieldSet set;
    for (usize i = 0; i < field_count; ++i) {
        EXPECT_EQ(set.count(), i);
        set.add(static_cast<FieldId>(i));
        set.add(static_cast<FieldId>(i));
    }
    EXPECT_EQ(set.count(), field_count);
}

TEST(FieldSet, the_three_named_sets_divide_all_fields) {
    for (usize i = 0; i < field_count; ++i) {
        const auto id = static_cast<FieldId>(i);
        EXPECT_EQ(int{all_home12.has(id)} + int{all_home02_state.has(id)} + int{all_exit_information.has(id)},
                  1)
            << field_rows[i].name;
    }
}

TEST(Vmcs12, exit_information_moves_to_the_image_and_nothing_else_does) {
    Vmcs12 v{};
    for (usize i = 0; i < field_count; ++i) {
        const auto id = static_cast<FieldId>(i);
        v.exit_information_in_image = false;
        EXPECT_EQ(v.home_of(id), field_rows[i].home) << field_rows[i].name;
        v.exit_information_in_image = true;
        const bool exit_information = ((field_rows[i].encoding.raw >> 10) & 3) == 1;
        EXPECT_EQ(v.home_of(id), exit_information ? Home::vmcs12 : field_rows[i].home) << field_rows[i].name;
    }
}

TEST(Vmcs12, a_lazily_saved_field_is_in_vmcs02_and_no_other_field_of_the_image_is) {
    for (usize i = 0; i < field_count; ++i) {
        if (field_rows[i].home != Home::vmcs12) continue;
        Vmcs12 v{};
        v.in_vmcs02.add(static_cast<FieldId>(i));
        for (usize j = 0; j < field_count; ++j)
            ASSERT_EQ(v.home_of(static_cast<FieldId>(j)), i == j ? Home::vmcs02 : field_rows[j].home)
                << field_rows[i].name << ", " << field_rows[j].name;
    }
}

// SDM 3D B.3.1: the VM-entry interruption information, its error code, and the instruction length.
TEST(Vmcs12, the_event_is_three_fields) {
    for (usize i = 0; i < field_count; ++i) {
        const u32 encoding = field_rows[i].encoding.raw;
        const bool event = encoding == 0x4016 || encoding == 0x4018 || encoding == 0x401a;
        EXPECT_EQ(event_fields.has(static_cast<FieldId>(i)), event) << field_rows[i].name;
    }
}

TEST(Vmcs12, notes_a_write_of_each_field_but_of_the_event) {
    for (usize i = 0; i < field_count; ++i) {
        const auto id = static_cast<FieldId>(i);
        Vmcs12 v{};
        v.checked = true;
        v.note_write(id);
        const bool noted = !event_fields.has(id);
        EXPECT_EQ(v.dirty.has(id), noted) << field_rows[i].name;
        EXPECT_EQ(v.dirty.count(), noted ? 1u : 0u) << field_rows[i].name;
        EXPECT_EQ(v.changed, noted) << field_rows[i].name;
        EXPECT_EQ(v.checked_in(L1Mode::ia32e), !noted) << field_rows[i].name;
    }
}

TEST(Vmcs12, a_write_of_the_event_leaves_earlier_notes_alone) {
    Vmcs12 v{};
    v.note_write(FieldId::tsc_offset);
    event_fields.for_each([&](FieldId id) { v.note_write(id); });
    EXPECT_TRUE(v.changed);
    EXPECT_TRUE(v.dirty.has(FieldId::tsc_offset));
    EXPECT_EQ(v.dirty.count(), 1u);
}

TEST(Vmcs12, is_checked_in_the_mode_in_which_it_was) {
    for (const L1Mode mode : {L1Mode::legacy, L1Mode::ia32e}) {
        const L1Mode other = mode == L1Mode::legacy ? L1Mode::ia32e : L1Mode::legacy;
        Vmcs12 v{};
        v.checked_mode = mode;
        EXPECT_FALSE(v.checked_in(mode));
        v.checked = true;
        EXPECT_TRUE(v.checked_in(mode));
        EXPECT_FALSE(v.checked_in(other));
        v.note_write(FieldId::host_rip);
        EXPECT_FALSE(v.checked_in(mode));
    }
}

TEST(Vmcs12, has_no_secondary_controls_unless_they_are_activated) {
    Vmcs12 v{};
    v.set(field::secondary_controls, {0x2});
    EXPECT_EQ(v.secondary().raw, 0u);
    v.set(field::primary_controls, {1u << 31});
    EXPECT_EQ(v.secondary().raw, 0x2u);
}

}  // namespace
}  // namespace kurma::vmx
