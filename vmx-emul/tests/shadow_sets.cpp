#include <gtest/gtest.h>

#include <vmx/reflect.hpp>
#include <vmx/shadow_sets.hpp>

#include "../testing/capability_sets.hpp"

namespace kurma::vmx {
namespace {

constexpr VmcsAccess every_access[] = {VmcsAccess::best, VmcsAccess::trap, VmcsAccess::shadow_copy,
                                       VmcsAccess::shadow_direct};

template <class Expect>
void for_each_open_field(VmcsAccess access, bool writes_exit_information, Expect expect) {
    const ShadowSets sets = shadow_sets(access, writes_exit_information);
    for (usize i = 0; i < field_count; ++i) {
        const FieldId id = static_cast<FieldId>(i);
        expect(field_rows[i], sets.readable.has(id), sets.writable.has(id));
    }
}

TEST(ShadowSets, without_shadowing_nothing_is_open) {
    for (const VmcsAccess access : {VmcsAccess::best, VmcsAccess::trap}) {
        EXPECT_TRUE(shadow_sets(access, true).readable.empty());
        EXPECT_TRUE(shadow_sets(access, true).writable.empty());
    }
}

TEST(ShadowSets, what_l1_writes_it_also_reads) {
    for (const VmcsAccess access : every_access)
        for (const bool writes : {false, true})
            for_each_open_field(access, writes, [](const FieldRow& row, bool read, bool write) {
                EXPECT_TRUE(read || !write) << row.name;
            });
}

// The exit information that L1 writes is L0's to emulate: a copy of it is filled again at each exit.
TEST(ShadowSets, exit_information_is_never_written_without_an_exit) {
    for (const VmcsAccess access : every_access)
        for_each_open_field(access, true, [](const FieldRow& row, bool, bool write) {
            EXPECT_FALSE(write && row.encoding.type() == FieldType::exit_information) << row.name;
        });
}

// SDM 3D appendix A.6, bit 29: without it VMWRITE does not reach exit information, so L0 cannot put its own
// there.
TEST(ShadowSets, exit_information_that_l0_cannot_write_stays_with_l0) {
    for (const VmcsAccess access : every_access)
        for_each_open_field(access, false, [](const FieldRow& row, bool read, bool) {
            EXPECT_FALSE(read && row.encoding.type() == FieldType::exit_information) << row.name;
        });
}

// The bitmaps have a bit for each half of a 64-bit field, and only the full access is open. A field that L1
// wrote in the copy and then reads by its high half would be read where it is not.
TEST(ShadowSets, no_copied_field_that_l1_writes_has_a_high_half) {
    for_each_open_field(VmcsAccess::shadow_copy, true, [](const FieldRow& row, bool, bool write) {
        EXPECT_FALSE(write && row.encoding.width() == FieldWidth::w64) << row.name;
    });
}

// What a copy is filled with must be in the image; a value that an exit leaves in vmcs02 for the next entry
// is not.
TEST(ShadowSets, no_copied_field_of_the_image_is_saved_lazily) {
    Vmcs12 v{};
    v.set(field::exit_controls, ExitControls{~u32{0}});
    v.set(field::entry_controls, EntryControls{~u32{0}});
    EXPECT_FALSE(saved_lazily(v).empty());
    EXPECT_TRUE((saved_lazily(v) & copied_writable).empty());
}

TEST(ShadowSets, a_processor_without_one_of_the_copied_fields_is_told_apart) {
    EXPECT_TRUE(has_copied_fields(testing::haswell()));
    EXPECT_TRUE(has_copied_fields(testing::everything()));
    EXPECT_FALSE(has_copied_fields(Capabilities{}));
}

TEST(ShadowSets, vmcs02_itself_opens_only_what_lives_there) {
    for_each_open_field(VmcsAccess::shadow_direct, true, [](const FieldRow& row, bool read, bool) {
        EXPECT_FALSE(read && row.home != Home::vmcs02) << row.name;
    });
    const ShadowSets sets = shadow_sets(VmcsAccess::shadow_direct, true);
    for (usize i = 0; i < field_count; ++i) {
        const FieldId id = static_cast<FieldId>(i);
        EXPECT_EQ(sets.readable.has(id), directly_readable.has(id)) << field_rows[i].name;
        EXPECT_EQ(sets.writable.has(id), directly_writable.has(id)) << field_rows[i].name;
    }
}

}  // namespace
}  // namespace kurma::vmx
