// INVEPT and INVVPID (SDM 3C 31.3).
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u64 good_eptp = 0x701e;

struct Invalidation : ::testing::Test {
    Invalidation() { world.make_current(); }

    void descriptor(u64 type, u64 low, u64 high) {
        world.poke(FakeWorld::operand_at, low);
        world.poke(FakeWorld::operand_at + 8, high);
        world.memory_operand(FakeWorld::operand_at, gpr::rdx);
        world.set_gpr(gpr::rdx, type);
    }
    InstrOutcome invept(u64 type, u64 eptp) {
        descriptor(type, eptp, 0);
        return emulate_invept(world);
    }
    InstrOutcome invvpid(u64 type, u64 vpid, u64 linear = 0) {
        descriptor(type, vpid, linear);
        return emulate_invvpid(world);
    }
    FakeWorld world;
};
using Invept = Invalidation;
using Invvpid = Invalidation;

TEST_F(Invept, of_one_context_forgets_that_ept02) {
    EXPECT_EQ(invept(1, good_eptp), vm_succeed);
    EXPECT_EQ(world.dropped_eptps(), std::vector<Eptp>{Eptp{good_eptp}});
    EXPECT_EQ(world.all_ept02_dropped(), 0);
}

TEST_F(Invept, of_all_contexts_forgets_every_ept02_whatever_the_descriptor) {
    EXPECT_EQ(invept(2, ~u64{0}), vm_succeed);
    EXPECT_EQ(world.all_ept02_dropped(), 1);
    EXPECT_TRUE(world.dropped_eptps().empty());
}

TEST_F(Invept, of_an_eptp_that_entry_would_refuse_fails_with_error_28) {
    for (const u64 eptp : {good_eptp ^ 2, good_eptp ^ 8, good_eptp | 1u << 7, good_eptp | u64{1} << 40})
        EXPECT_EQ(invept(1, eptp), vm_fail_valid(28)) << std::hex << eptp;
    EXPECT_TRUE(world.nothing_dropped());
}

TEST_F(Invept, of_an_unknown_type_fails_with_error_28) {
    for (const u64 type : {u64{0}, u64{3}, u64{4}, 1 | u64{1} << 32, ~u64{0}})
        EXPECT_EQ(invept(type, good_eptp), vm_fail_valid(28)) << type;
    EXPECT_TRUE(world.nothing_dropped());
}

TEST_F(Invept, of_a_type_that_is_not_offered_fails_with_error_28) {
    Capabilities offered = haswell();
    offered.ept_vpid &= ~(u64{1} << 25);
    world.offer(offered);
    EXPECT_EQ(invept(1, good_eptp), vm_fail_valid(28));
    EXPECT_EQ(invept(2, 0), vm_succeed);
    offered = haswell();
    offered.ept_vpid &= ~(u64{1} << 26);
    world.offer(offered);
    EXPECT_EQ(invept(2, 0), vm_fail_valid(28));
    EXPECT_EQ(invept(1, good_eptp), vm_succeed);
}

TEST_F(Invept, is_an_invalid_opcode_where_ept_is_hidden) {
    world.offer(offer(haswell(), {.offer_ept = false}));
    EXPECT_EQ(invept(2, 0), raises_ud);
    world.set_cpl(3);
    EXPECT_EQ(invept(2, 0), raises_ud);
}

TEST_F(Invept, fails_invalid_without_a_current_vmcs) {
    world.nested().current = nullptr;
    EXPECT_EQ(invept(7, good_eptp), vm_fail_invalid);
    EXPECT_EQ(invept(1, 0), vm_fail_invalid);
    EXPECT_EQ(invept(1, good_eptp), vm_succeed);
}

TEST_F(Invept, has_a_32_bit_type_for_a_32_bit_l1) {
    world.become_32_bit();
    EXPECT_EQ(invept(2 | u64{1} << 32, 0), vm_succeed);
    EXPECT_EQ(world.all_ept02_dropped(), 1);
}

TEST_F(Invvpid, forgets_one_vpid_for_each_type_that_names_one) {
    for (const u64 type : {u64{0}, u64{1}, u64{3}}) EXPECT_EQ(invvpid(type, 0x42), vm_succeed) << type;
    EXPECT_EQ(world.dropped_vpids(), (std::vector<u16>{0x42, 0x42, 0x42}));
    EXPECT_EQ(world.all_vpid02_dropped(), 0);
}

TEST_F(Invvpid, of_all_contexts_forgets_them_all_and_takes_vpid_0) {
    EXPECT_EQ(invvpid(2, 0), vm_succeed);
    EXPECT_EQ(world.all_vpid02_dropped(), 1);
    EXPECT_TRUE(world.dropped_vpids().empty());
}

TEST_F(Invvpid, of_vpid_0_fails_with_error_28) {
    for (const u64 type : {u64{0}, u64{1}, u64{3}}) EXPECT_EQ(invvpid(type, 0), vm_fail_valid(28)) << type;
    EXPECT_TRUE(world.nothing_dropped());
}

TEST_F(Invvpid, with_a_reserved_bit_fails_with_error_28) {
    for (u64 type = 0; type < 4; ++type)
        for (unsigned bit = 16; bit < 64; ++bit)
            EXPECT_EQ(invvpid(type, 1 | u64{1} << bit), vm_fail_valid(28)) << type << " bit " << bit;
    EXPECT_TRUE(world.nothing_dropped());
}

TEST_F(Invvpid, of_one_address_needs_a_canonical_one) {
    EXPECT_EQ(invvpid(0, 1, 0x0000'8000'0000'0000), vm_fail_valid(28));
    EXPECT_EQ(invvpid(0, 1, 0xffff'7fff'ffff'ffff), vm_fail_valid(28));
    EXPECT_EQ(invvpid(0, 1, 0xffff'8000'0000'0000), vm_succeed);
    EXPECT_EQ(invvpid(1, 1, 0x0000'8000'0000'0000), vm_succeed) << "no other type looks at the address";
    EXPECT_EQ(invvpid(3, 1, 0x0000'8000'0000'0000), vm_succeed);
}

TEST_F(Invvpid, of_an_unknown_type_fails_with_error_28) {
    for (const u64 type : {u64{4}, u64{64}, u64{1} << 32, ~u64{0}})
        EXPECT_EQ(invvpid(type, 1), vm_fail_valid(28)) << type;
    EXPECT_TRUE(world.nothing_dropped());
}

TEST_F(Invvpid, of_a_type_that_is_not_offered_fails_with_error_28) {
    for (unsigned type = 0; type < 4; ++type) {
        Capabilities offered = haswell();
        offered.ept_vpid &= ~(u64{1} << (40 + type));
        world.offer(offered);
        for (u64 other = 0; other < 4; ++other)
            EXPECT_EQ(invvpid(other, 1), other == type ? vm_fail_valid(28) : vm_succeed) << other;
    }
}

TEST_F(Invvpid, is_an_invalid_opcode_where_vpid_is_hidden) {
    world.offer(offer(haswell(), {.offer_vpid = false}));
    EXPECT_EQ(invvpid(2, 0), raises_ud);
}

TEST_F(Invvpid, reads_a_descriptor_that_crosses_a_page) {
    constexpr u64 at = 0x1'2ff8;
    world.poke(at, 0x42);
    world.poke(at + 8, 0xffff'8000'0000'0000);
    world.memory_operand(at, gpr::rdx);
    world.set_gpr(gpr::rdx, 0);
    world.forget_reads();
    EXPECT_EQ(emulate_invvpid(world), vm_succeed);
    for (u64 byte = 0; byte < 16; ++byte) EXPECT_EQ(world.reads_touching(at + byte), 1u) << byte;
}

}  // namespace
}  // namespace kurma::vmx
