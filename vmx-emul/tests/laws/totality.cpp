// Totality: routing and decoding answer every input, and nothing that L1 puts into registers and memory makes
// the emulation do what an instruction cannot.
#include <gtest/gtest.h>

#include <vmx/route.hpp>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

struct NoBitmaps {
    bool msr_intercepted(u32, bool) const { return true; }
    bool io_intercepted(u16, unsigned) const { return true; }
};

TEST(Totality, every_reason_at_both_levels_has_a_named_answer) {
    for (u64 number = 0; number < 0x1'0000; ++number) {
        const auto reason = static_cast<Reason>(number);
        ASSERT_LT(static_cast<usize>(route_l1(reason)), why_count);
        ASSERT_STRNE(name_of(route_l1(reason)), "?");
        for (const ExitReason exit : {ExitReason::of(reason), ExitReason::failed_entry(reason)}) {
            const Why why = route_l2(Vmcs12{}, {.reason = exit}, NoBitmaps{});
            ASSERT_LT(static_cast<usize>(why), why_count);
            ASSERT_STRNE(name_of(why), "?");
        }
        ASSERT_NE(name_of(reason), nullptr);
    }
}

TEST(Totality, a_look_up_finds_a_row_of_that_encoding_or_none) {
    Random random{41};
    for (int round = 0; round < 1'000'000; ++round) {
        const u64 raw = random.word() >> random.below(64);
        const FieldLookup found = find_field(raw);
        if (!found.found) continue;
        ASSERT_LT(static_cast<usize>(found.id), field_count);
        ASSERT_EQ(row_of(found.id).encoding.raw, raw & ~u64{1});
    }
}

/// Numbers that are more often interesting than random ones are.
u64 spiteful(Random& random) {
    switch (random.below(6)) {
        case 0: return random.below(FakeWorld::mapped_bytes);
        case 1: return field_rows[random.below(field_count)].encoding.raw | random.below(2);
        case 2: return u64{1} << random.below(64);
        case 3: return ~random.below(0x2000);
        case 4: return random.below(6) << 12;
        default: return random.word();
    }
}

void expect_possible(const InstrOutcome& outcome) {
    using Kind = InstrOutcome::Kind;
    if (outcome.kind == Kind::fault) {
        const int vector = static_cast<int>(outcome.fault.vector);
        EXPECT_TRUE(vector == 6 || vector == 12 || vector == 13 || vector == 14) << vector;
        if (vector != 14) {
            EXPECT_EQ(outcome.fault.error_code, 0u);
        } else {
            constexpr u32 user_or_fetch = 4 | 16;
            EXPECT_EQ(outcome.fault.error_code & user_or_fetch, 0u);
        }
    }
    if (outcome.kind == Kind::fail_valid) {
        const int number = static_cast<int>(outcome.error);
        EXPECT_TRUE(number >= 1 && number <= 28 && number != 14 && number != 16) << number;
    }
}

InstrOutcome execute(FakeWorld& world, u64 which) {
    switch (which) {
        case 0: return emulate_vmread(world);
        case 1: return emulate_vmwrite(world);
        case 2: return emulate_vmclear(world);
        case 3: return emulate_vmptrld(world);
        case 4: return emulate_vmptrst(world);
        case 5: return emulate_invept(world);
        case 6: return emulate_invvpid(world);
        case 7: return emulate_vmcall(world);
        case 8: return emulate_vm_entry(world, Reason::vmlaunch);
        case 9: return emulate_vm_entry(world, Reason::vmresume);
        case 10: return emulate_vmxon(world);
        default: return emulate_vmxoff(world);
    }
}

void storm(FakeWorld& world, u64 seed) {
    Random random{seed};
    for (const u64 region : {FakeWorld::region_a, FakeWorld::region_b, FakeWorld::region_c})
        world.poke(region, 0x2b, 4);
    int succeeded = 0, faulted = 0, failed = 0;
    for (int round = 0; round < 100'000; ++round) {
        for (unsigned number = 0; number < 16; ++number)
            if (random.coin()) world.set_gpr(number, spiteful(random));
        u32 info = random.word32();
        constexpr u32 segment_mask = 7u << 15;
        info = (info & ~segment_mask) | static_cast<u32>(random.below(6)) << 15;
        world.vmcs01().set(field::exit_instruction_info, info);
        world.vmcs01().set(field::exit_qualification, spiteful(random));
        world.vmcs01().set(field::guest_fs_base, spiteful(random));
        world.poke(FakeWorld::operand_at, spiteful(random));
        if (random.coin()) world.memory_operand(FakeWorld::operand_at, static_cast<u32>(random.below(16)));
        const InstrOutcome outcome = execute(world, random.below(12));
        expect_possible(outcome);
        if (outcome.kind == InstrOutcome::Kind::enter_l2)
            world.nested().current->launched = true;
        else
            finish(world, outcome);
        succeeded += outcome.kind == InstrOutcome::Kind::succeed ? 1 : 0;
        faulted += outcome.kind == InstrOutcome::Kind::fault ? 1 : 0;
        failed += outcome.kind == InstrOutcome::Kind::fail_valid ? 1 : 0;
        world.vmcs01().forget_history();
        world.forget_reads();
        if (!world.nested().in_vmx_operation && random.below(4) == 0) {
            world.nested().in_vmx_operation = true;
            world.nested().vmxon_pointer = FakeWorld::vmxon_region;
        }
        // A random pointer seldom names a VMCS, and without a current one most instructions end early.
        if (world.nested().current == nullptr && random.coin()) {
            constexpr u64 regions[]{FakeWorld::region_a, FakeWorld::region_b, FakeWorld::region_c};
            world.make_current(regions[random.below(3)]);
        }
        if (::testing::Test::HasFailure()) FAIL() << "seed " << seed << ", round " << round;
    }
    EXPECT_GT(succeeded, 1000);
    EXPECT_GT(faulted, 1000);
    EXPECT_GT(failed, 1000);
}

TEST(Totality, no_instruction_of_a_64_bit_l1_comes_to_what_an_instruction_cannot) {
    FakeWorld world{offer(haswell(), Policy{}), 2};
    storm(world, 42);
}

TEST(Totality, no_instruction_of_a_32_bit_l1_comes_to_what_an_instruction_cannot) {
    FakeWorld world{offer(sandy_bridge(), Policy{}), 2};
    world.become_32_bit();
    storm(world, 43);
}

}  // namespace
}  // namespace kurma::vmx
