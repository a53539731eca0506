// What holds for the checks as a whole: each row of checks.def has an entry that breaks it and nothing else,
// the first broken rule is the one that is told, and any entry has an answer.
#include "every_check.hpp"

#include <array>

namespace kurma::vmx {

namespace testing {

EntryWorld valid_world() {
    EntryWorld world{.offered = offer(skylake(), Policy{}), .v = {}};
    world.v = valid_64_bit_guest(world.offered);
    return world;
}

CheckId first_broken_rule(const EntryWorld& w) {
    const bool to_smm = w.v.get(field::entry_controls).has(Entry::entry_to_smm);
    if (!to_smm || w.offered.may(Entry::entry_to_smm)) {
        for (const CheckResult& result :
             {check_controls(w.v, w.offered), check_tpr_threshold(w.v, w.vtpr), check_event(w.v, w.offered),
              check_entry_to_smm(w.v), check_host_state(w.v, w.offered, w.mode)})
            if (!result.passed()) return result.failed;
    }
    if (const auto result = check_guest_state(w.v, w.offered, w.around); !result.passed())
        return result.failed;
    const MsrLoadState now{.efer = w.v.get(field::guest_efer), .paging = true};
    if (const auto result = check_msr_load(w.load, now); !result.passed()) return result.failed;
    return check_msr_store(w.store).failed;
}

}  // namespace testing

namespace {

using namespace testing;

constexpr std::array ids{
#define C(name, what) CheckId::name,
#include <vmx/checks.def>
#undef C
};

CheckId answer_to(const Violation& violation) {
    EntryWorld world = valid_world();
    violation.commit(world);
    return first_broken_rule(world);
}

TEST(EveryCheck, the_world_without_a_violation_passes) {
    EXPECT_EQ(first_broken_rule(valid_world()), CheckId::passed);
}

TEST(EveryCheck, a_violation_alone_has_its_own_name) {
    for (const Violation& violation : every_violation())
        EXPECT_STREQ(name_of(answer_to(violation)), name_of(violation.id));
}

TEST(EveryCheck, each_row_of_the_table_is_hit) {
    std::array<bool, ids.size() + 1> hit{};
    for (const Violation& violation : every_violation()) hit[static_cast<usize>(answer_to(violation))] = true;
    for (const CheckId id : ids) EXPECT_TRUE(hit[static_cast<usize>(id)]) << name_of(id);
}

/// The fields in which a violation differs from the world without one.
FieldSet touched_by(const Violation& violation) {
    const EntryWorld valid_entry = valid_world();
    EntryWorld world = valid_entry;
    violation.commit(world);
    FieldSet set;
    for (usize i = 0; i < field_count; ++i)
        if (world.v.image[i] != valid_entry.v.image[i]) set.add(static_cast<FieldId>(i));
    return set;
}

/// Violations of guest state that leave the controls as they are: what the rules are does not change then.
std::vector<Violation> violations_of_64_bit_guest_state() {
    std::vector<Violation> list;
    for (const Violation& violation : every_violation()) {
        const FieldSet touched = touched_by(violation);
        if (violation.id >= CheckId::guest_cr0_fixed && violation.id <= CheckId::guest_pdpte_in_memory &&
            !touched.has(FieldId::entry_controls) && !touched.has(FieldId::secondary_controls))
            list.push_back(violation);
    }
    return list;
}

TEST(EveryCheck, of_two_violations_of_guest_state_the_first_of_the_list_is_told) {
    const std::vector<Violation> violations = violations_of_64_bit_guest_state();
    int pairs = 0;
    for (const Violation& one : violations)
        for (const Violation& other : violations) {
            const bool may_undo_each_other = !(touched_by(one) & touched_by(other)).empty();
            if (one.id >= other.id || may_undo_each_other) continue;
            EntryWorld world = valid_world();
            one.commit(world);
            other.commit(world);
            const CheckId told = check_guest_state(world.v, world.offered, world.around).failed;
            // A halted guest and one blocked by STI are each one wrong in their way; together they are a
            // third.
            if (told == CheckId::guest_activity_blocking && told < one.id) continue;
            EXPECT_STREQ(name_of(told), name_of(one.id)) << "and " << name_of(other.id);
            ++pairs;
        }
    EXPECT_GT(pairs, 1000);
}

TEST(EveryCheck, an_entry_with_one_field_changed_at_random_has_an_answer) {
    Random random{11};
    constexpr int rounds = 100'000;
    int failed = 0;
    for (int round = 0; round < rounds; ++round) {
        EntryWorld world = valid_world();
        const auto id = static_cast<FieldId>(random.below(field_count));
        const u64 bit = u64{1} << random.below(64);
        u64& value = world.v.image[static_cast<usize>(id)];
        value = (random.coin() ? value ^ bit : random.word()) & value_mask(row_of(id).encoding);
        const CheckId answer = first_broken_rule(world);
        ASSERT_LE(static_cast<usize>(answer), ids.size());
        if (answer != CheckId::passed) ++failed;
    }
    EXPECT_GT(failed, rounds / 10);
    EXPECT_LT(failed, rounds);
}

TEST(EveryCheck, an_entry_with_every_field_random_has_an_answer) {
    Random random{12};
    for (int round = 0; round < 20'000; ++round) {
        EntryWorld world = valid_world();
        for (usize i = 0; i < field_count; ++i)
            world.v.image[i] = random.word() & value_mask(field_rows[i].encoding);
        world.around.word_at_link_pointer = random.word32();
        for (u64& pdpte : world.around.pdptes_at_cr3) pdpte = random.word();
        world.vtpr = static_cast<u8>(random.word32());
        const GuestCheckResult result = check_guest_state(world.v, world.offered, world.around);
        EXPECT_FALSE(result.passed()) << "two random CR0s are not both right";
        EXPECT_EQ(check_tpr_threshold(world.v, world.vtpr).passed() ||
                      world.v.get(field::primary_controls).has(Primary::use_tpr_shadow),
                  true);
        EXPECT_EQ(check_event(world.v, world.offered).passed() ||
                      world.v.get(field::entry_interruption_info).valid(),
                  true);
    }
}

}  // namespace
}  // namespace kurma::vmx
