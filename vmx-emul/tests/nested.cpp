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

TEST(Vmcs12, has_no_secondary_controls_unless_they_are_activated) {
    Vmcs12 v{};
    v.set(field::secondary_controls, {0x2});
    EXPECT_EQ(v.secondary().raw, 0u);
    v.set(field::primary_controls, {1u << 31});
    EXPECT_EQ(v.secondary().raw, 0x2u);
}

}  // namespace
}  // namespace kurma::vmx
