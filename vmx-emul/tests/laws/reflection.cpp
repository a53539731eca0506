// Reflection: after it, vmcs01's guest state is vmcs12's host state, and L1 reads the exit that happened.
#include <gtest/gtest.h>

#include <string>
#include <vmx/reflect.hpp>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr int rounds = 500;

std::optional<FieldId> field_named(const std::string& name) {
    for (usize i = 0; i < field_count; ++i)
        if (name == field_rows[i].name) return static_cast<FieldId>(i);
    return std::nullopt;
}

// SDM 3C 28.5: every host field has a guest field of its name. CR0, CR4 and EFER have rules of their own
// (tests/reflect/load_l1.cpp).
TEST(Reflection, each_host_field_of_12_becomes_the_guest_field_of_its_name_in_01) {
    const Capabilities offered = offer(haswell(), Policy{});
    Random random{31};
    for (int round = 0; round < rounds; ++round) {
        Vmcs12 v = valid_vmcs12(offered);
        for (usize i = 0; i < field_count; ++i)
            if (((field_rows[i].encoding.raw >> 10) & 3) == 3)
                v.image[i] = random.word() & value_mask(field_rows[i].encoding);
        FakeVmcs vmcs02, vmcs01;
        for (usize i = 0; i < field_count; ++i) vmcs02.poke(static_cast<FieldId>(i), random.word());
        const LeftByL2 left = left_by_l2(v, vmcs02);
        save_l2(v, vmcs02);
        note_exit(v, offered, left, vmcs02);
        load_l1(v, left, NmiBlocking::none, vmcs01);
        int compared = 0;
        for (usize i = 0; i < field_count; ++i) {
            const std::string name = field_rows[i].name;
            if (!name.starts_with("host_") || name == "host_cr0" || name == "host_cr4") continue;
            const auto guest = field_named("guest_" + name.substr(5));
            ASSERT_TRUE(guest) << name;
            EXPECT_EQ(vmcs01.peek(*guest), v.image[i]) << name << ", round " << round;
            ++compared;
        }
        EXPECT_EQ(compared, 20)
            << "seven selectors, five bases, three SYSENTER MSRs, CR3, RSP, RIP, PAT, EFER";
    }
}

// What L1 reads after the exit is what the processor wrote into vmcs02, though nobody copied it.
TEST(Reflection, l1_reads_the_exit_and_l2s_state_from_vmcs02) {
    FakeWorld world{offer(haswell(), Policy{})};
    FakeWorld::Slot& slot = world.make_current();
    Random random{32};
    for (usize i = 0; i < field_count; ++i) slot.vmcs02.poke(static_cast<FieldId>(i), random.word());
    slot.vmcs12.set(field::exit_controls, {0});
    save_l2(slot.vmcs12, slot.vmcs02);
    const LeftByL2 left = left_by_l2(slot.vmcs12, slot.vmcs02);
    note_exit(slot.vmcs12, world.offered(), left, slot.vmcs02);
    load_l1(slot.vmcs12, left, NmiBlocking::none, world.vmcs01());
    world.vmcs01().set(field::guest_cs_access_rights, {0xa09b});
    world.vmcs01().set(field::guest_efer, 0x500);
    world.operand({.register1 = gpr::rax, .register2 = gpr::rdx});
    int read = 0;
    for (usize i = 0; i < field_count; ++i) {
        if (field_rows[i].home != Home::vmcs02) continue;
        world.set_gpr(gpr::rdx, field_rows[i].encoding.raw);
        ASSERT_EQ(emulate_vmread(world), vm_succeed) << field_rows[i].name;
        EXPECT_EQ(world.gpr(gpr::rax), slot.vmcs02.peek(static_cast<FieldId>(i))) << field_rows[i].name;
        ++read;
    }
    EXPECT_GT(read, 50);
}

TEST(Reflection, saves_and_loads_with_few_accesses) {
    const Capabilities offered = offer(haswell(), Policy{});
    Vmcs12 v = valid_vmcs12(offered);
    FakeVmcs vmcs02, vmcs01;
    save_l2(v, vmcs02);
    const LeftByL2 left = left_by_l2(v, vmcs02);
    note_exit(v, offered, left, vmcs02);
    load_l1(v, left, NmiBlocking::none, vmcs01);
    EXPECT_EQ(vmcs02.writes(), 0u) << "guest state stays where it is";
    EXPECT_LE(vmcs02.reads(), 8u);
    EXPECT_EQ(vmcs01.reads(), 0u);
}

// What a usual L1 pays: it loads PAT and EFER at each exit, and what is saved stays in vmcs02.
TEST(Reflection, that_leaves_what_is_saved_in_vmcs02_reads_two_of_its_fields) {
    const Capabilities offered = offer(haswell(), Policy{});
    Vmcs12 v = valid_vmcs12(offered);
    ASSERT_FALSE(saves_eagerly(v));
    v.in_vmcs02 = saved_lazily(v);
    FakeVmcs vmcs02, vmcs01;
    const LeftByL2 left = left_by_l2(v, vmcs02);
    note_exit(v, offered, left, vmcs02);
    load_l1_always(v, vmcs01);
    EXPECT_EQ(vmcs02.reads(), 2u) << "CR0, and the entry controls for L2's mode";
    EXPECT_EQ(vmcs02.writes(), 0u);
    EXPECT_EQ(vmcs01.reads(), 0u);
    EXPECT_EQ(vmcs01.writes(), 29u) << "CR3, six segments of four fields, RIP, RSP, RFLAGS, what is pending";
}

}  // namespace
}  // namespace kurma::vmx
