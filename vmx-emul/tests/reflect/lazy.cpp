// What an exit may leave in vmcs02 until somebody asks for it: the fields that it saves and that the next
// entry loads again (SDM 3C 27.3.2.1, 28.3).
#include <gtest/gtest.h>

#include <set>
#include <vmx/reflect.hpp>

#include "../../testing/fake_vmcs.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {
namespace {

using namespace field;
using testing::FakeVmcs;

/// By the bits of SDM 3C tables 25-13 and 25-15: what saves and what loads.
struct Pair {
    unsigned save, load;
    std::set<FieldId> fields;
};
const std::vector<Pair> pairs{{2, 2, {FieldId::guest_dr7, FieldId::guest_debugctl}},
                              {18, 14, {FieldId::guest_pat}},
                              {20, 15, {FieldId::guest_efer}}};
constexpr unsigned save_timer = 22;

std::set<FieldId> members(const FieldSet& set) {
    std::set<FieldId> ids;
    set.for_each([&](FieldId id) { ids.insert(id); });
    return ids;
}

/// Each of the three saves, and each of the three loads, on or off.
template <class Visit>
void for_each_combination(Visit visit) {
    for (unsigned row = 0; row < 64; ++row) {
        Vmcs12 v{};
        u32 exit = 0, entry = 0;
        std::set<FieldId> saved, loaded;
        for (usize i = 0; i < pairs.size(); ++i) {
            if ((row >> i & 1) != 0) {
                exit |= 1u << pairs[i].save;
                saved.insert(pairs[i].fields.begin(), pairs[i].fields.end());
            }
            if ((row >> (i + pairs.size()) & 1) != 0) {
                entry |= 1u << pairs[i].load;
                loaded.insert(pairs[i].fields.begin(), pairs[i].fields.end());
            }
        }
        v.set(exit_controls, {exit});
        v.set(entry_controls, {entry});
        visit(v, saved, loaded);
    }
}

TEST(SavedLazily, is_what_is_both_saved_and_loaded) {
    for_each_combination(
        [](const Vmcs12& v, const std::set<FieldId>& saved, const std::set<FieldId>& loaded) {
            std::set<FieldId> both;
            for (const FieldId id : saved)
                if (loaded.contains(id)) both.insert(id);
            EXPECT_EQ(members(saved_lazily(v)), both)
                << std::hex << v.get(exit_controls).raw << " " << v.get(entry_controls).raw;
        });
}

// A register that an entry takes from L1 leaves L2's old value nowhere but in the image.
TEST(SavesEagerly, where_something_is_saved_that_no_entry_loads) {
    for_each_combination([](Vmcs12 v, const std::set<FieldId>& saved, const std::set<FieldId>& loaded) {
        bool eagerly = false;
        for (const FieldId id : saved) eagerly |= !loaded.contains(id);
        EXPECT_EQ(saves_eagerly(v), eagerly)
            << std::hex << v.get(exit_controls).raw << " " << v.get(entry_controls).raw;
    });
}

// The entry loads the timer whether or not the exit saved it; it is the image that remembers the reload
// value.
TEST(SavesEagerly, where_the_preemption_timer_is_saved) {
    for_each_combination([](Vmcs12 v, const std::set<FieldId>&, const std::set<FieldId>&) {
        v.set(exit_controls, {v.get(exit_controls).raw | 1u << save_timer});
        EXPECT_TRUE(saves_eagerly(v));
        EXPECT_FALSE(saved_lazily(v).has(FieldId::preemption_timer_value));
    });
}

/// vmcs02 with a value for each field, and a vmcs12 whose image has another.
struct Left : ::testing::Test {
    Left() {
        for (usize i = 0; i < field_count; ++i) {
            vmcs02.poke(static_cast<FieldId>(i), 0x2000 + i);
            v.image[i] = 0x1000 + i;
        }
    }
    Vmcs12 v = testing::valid_vmcs12(offer(testing::haswell(), Policy{}));
    FakeVmcs vmcs02;
};

TEST_F(Left, moves_to_the_image_at_last) {
    v.in_vmcs02 = FieldSet::of({FieldId::guest_efer, FieldId::guest_dr7, FieldId::guest_debugctl});
    const FieldSet there = v.in_vmcs02;
    save_at_last(v, vmcs02);
    for (usize i = 0; i < field_count; ++i) {
        const auto id = static_cast<FieldId>(i);
        EXPECT_EQ(v.image[i], (there.has(id) ? 0x2000 : 0x1000) + i) << field_rows[i].name;
        EXPECT_EQ(v.home_of(id), field_rows[i].home) << field_rows[i].name;
    }
    EXPECT_TRUE(v.in_vmcs02.empty());
}

TEST_F(Left, is_read_once_each_and_never_written) {
    v.in_vmcs02 = FieldSet::of({FieldId::guest_efer, FieldId::guest_pat});
    save_at_last(v, vmcs02);
    EXPECT_EQ(vmcs02.reads_of(FieldId::guest_efer), 1u);
    EXPECT_EQ(vmcs02.reads_of(FieldId::guest_pat), 1u);
    EXPECT_EQ(vmcs02.history().size(), 2u);
}

TEST_F(Left, is_nothing_a_second_time) {
    v.in_vmcs02 = FieldSet::of({FieldId::guest_pat});
    save_at_last(v, vmcs02);
    vmcs02.forget_history();
    vmcs02.set(guest_pat, 0x77);
    save_at_last(v, vmcs02);
    EXPECT_TRUE(vmcs02.history().empty());
    EXPECT_NE(v.get(guest_pat), 0x77u);
}

// Where a field is to be merged or checked again is no matter of where its value stands.
TEST_F(Left, moves_without_a_note_of_change) {
    v.in_vmcs02 = FieldSet::of({FieldId::guest_pat});
    v.checked = true;
    save_at_last(v, vmcs02);
    EXPECT_TRUE(v.dirty.empty());
    EXPECT_FALSE(v.changed);
    EXPECT_TRUE(v.checked_in(L1Mode::ia32e));
}

}  // namespace
}  // namespace kurma::vmx
