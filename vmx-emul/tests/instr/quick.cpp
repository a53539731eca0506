// The quick forms of VMREAD and VMWRITE: what they do is what the full forms do, and what they leave undone
// they have not begun.
#include <gtest/gtest.h>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

/// A fake world as the quick forms see it: RSP's place among the registers holds what encodes no field.
class QuickWorld {
  public:
    explicit QuickWorld(FakeWorld& world) : world_(world) {}

    FakeVmcs& vmcs01() { return world_.vmcs01(); }
    NestedState& nested() { return world_.nested(); }
    u64 gpr(unsigned number) { return number == gpr::rsp ? ~u64{0} : world_.gpr(number); }
    void set_gpr(unsigned number, u64 value) { world_.set_gpr(number, value); }
    PlainField plain_field(u64 encoding) const { return world_.plain_field(encoding); }
    bool reaches_vmcs02() const { return true; }
    u64 read_vmcs02(u64 encoding) {
        return world_.read_home02(*world_.nested().current, find_field(encoding).id);
    }
    void write_vmcs02(u64 encoding, u64 value) {
        world_.write_home02(*world_.nested().current, find_field(encoding).id, value);
    }
    bool leave_undone() { return false; }
    bool done() { return true; }

  private:
    FakeWorld& world_;
};
static_assert(QuickInstructionWorld<QuickWorld>);

/// One VMREAD or VMWRITE, and all about it that may keep it from being quick.
struct Step {
    bool write;
    u64 encoding, value, rflags;
    OperandForm form;
    u32 cpl, blocking;
    bool long_mode, has_current, exit_information_in_image;
    FieldSet in_vmcs02;
};

Step random_step(Random& random) {
    Step step{.write = random.coin(),
              .encoding = field_rows[random.below(field_count)].encoding.raw,
              .value = random.word(),
              .rflags = (random.word() & 0x8d5) | 2,
              .form = {.register1 = static_cast<unsigned>(random.below(16)),
                       .register2 = static_cast<unsigned>(random.below(16))},
              .cpl = random.below(16) == 0 ? 3u : 0u,
              .blocking = static_cast<u32>(random.below(4)),
              .long_mode = random.below(16) != 0,
              .has_current = random.below(16) != 0,
              .exit_information_in_image = random.coin(),
              .in_vmcs02 = {}};
    if (random.below(4) == 0) step.encoding |= 1;
    if (random.below(16) == 0) step.encoding = random.word();
    if (random.coin())
        step.in_vmcs02 = FieldSet::of({FieldId::guest_efer, FieldId::guest_pat, FieldId::guest_dr7});
    return step;
}

/// A world before the step; the same for the same seed.
struct Place {
    Place(const Step& step, u64 seed) {
        Random random{seed};
        FakeWorld::Slot& slot = world.make_current();
        for (usize i = 0; i < field_count; ++i) {
            slot.vmcs12.image[i] = random.word() & value_mask(field_rows[i].encoding);
            slot.vmcs02.poke(static_cast<FieldId>(i), random.word());
        }
        slot.vmcs12.dirty.clear();
        slot.vmcs12.changed = false;
        slot.vmcs12.checked = true;
        slot.vmcs12.in_vmcs02 = step.in_vmcs02;
        slot.vmcs12.exit_information_in_image = step.exit_information_in_image;
        for (unsigned i = 0; i < 16; ++i) world.set_gpr(i, random.word());
        if (!step.long_mode) world.become_32_bit();
        world.nested().make_current(step.has_current ? &slot.vmcs12 : nullptr);
        world.set_cpl(step.cpl);
        world.operand(step.form);
        world.set_gpr(step.form.register1.value(), step.value);
        world.set_gpr(step.form.register2, step.encoding);
        world.vmcs01().set(field::guest_rflags, step.rflags);
        world.vmcs01().set(field::guest_interruptibility, step.blocking);
        world.vmcs01().forget_history();
        active = &slot;
    }
    bool quickly(const Step& step) {
        QuickWorld quick{world};
        return step.write ? emulate_vmwrite_quickly(quick) : emulate_vmread_quickly(quick);
    }
    void in_full(const Step& step) {
        finish(world, step.write ? emulate_vmwrite(world) : emulate_vmread(world));
    }
    FakeWorld world;
    FakeWorld::Slot* active = nullptr;
};

void expect_same(Place& a, Place& b) {
    for (unsigned i = 0; i < 16; ++i) ASSERT_EQ(a.world.gpr(i), b.world.gpr(i)) << "register " << i;
    for (usize i = 0; i < field_count; ++i) {
        const auto id = static_cast<FieldId>(i);
        ASSERT_EQ(a.active->vmcs12.image[i], b.active->vmcs12.image[i]) << field_rows[i].name;
        ASSERT_EQ(a.active->vmcs02.peek(id), b.active->vmcs02.peek(id)) << field_rows[i].name;
        ASSERT_EQ(a.world.vmcs01().peek(id), b.world.vmcs01().peek(id)) << "L1's own " << field_rows[i].name;
        ASSERT_EQ(a.active->vmcs12.dirty.has(id), b.active->vmcs12.dirty.has(id)) << field_rows[i].name;
    }
    ASSERT_EQ(a.active->vmcs12.changed, b.active->vmcs12.changed);
    ASSERT_EQ(a.active->vmcs12.checked_in(L1Mode::ia32e), b.active->vmcs12.checked_in(L1Mode::ia32e));
}

TEST(Quick, does_what_the_full_form_does_or_nothing) {
    constexpr int rounds = 1500;
    Random random{51};
    int done = 0;
    for (int round = 0; round < rounds; ++round) {
        const Step step = random_step(random);
        const u64 seed = random.word();
        SCOPED_TRACE(::testing::Message() << "round " << round << (step.write ? ", VMWRITE " : ", VMREAD ")
                                          << std::hex << step.encoding);
        Place quick{step, seed}, other{step, seed};
        const bool answered = quick.quickly(step);
        if (answered) {
            ++done;
            other.in_full(step);
        }
        ASSERT_NO_FATAL_FAILURE(expect_same(quick, other));
        if (!answered) {
            EXPECT_EQ(quick.world.vmcs01().writes(), 0u);
            EXPECT_TRUE(quick.active->vmcs02.history().empty());
        }
    }
    EXPECT_GT(done, rounds / 4);
}

TEST(Quick, answers_for_each_field_that_is_always_at_home) {
    for (const bool write : {false, true}) {
        for (usize i = 0; i < field_count; ++i) {
            const FieldRow& row = field_rows[i];
            const Step step{.write = write,
                            .encoding = row.encoding.raw,
                            .value = 1,
                            .rflags = 2,
                            .form = {.register1 = gpr::rbx, .register2 = gpr::rcx},
                            .cpl = 0,
                            .blocking = 0,
                            .long_mode = true,
                            .has_current = true,
                            .exit_information_in_image = false,
                            .in_vmcs02 = {}};
            Place place{step, 1};
            const unsigned type = (row.encoding.raw >> 10) & 3;
            constexpr unsigned exit_information = 1, guest = 2;
            // SDM 3D B.3.1: the event to inject.
            const bool event = row.encoding.raw >= 0x4016 && row.encoding.raw <= 0x401a;
            bool expected = place.world.field_exists(static_cast<FieldId>(i));
            if (row.home == Home::vmcs12 && (type == guest || type == exit_information)) expected = false;
            if (write ? type == exit_information : event) expected = false;
            EXPECT_EQ(place.quickly(step), expected) << (write ? "VMWRITE " : "VMREAD ") << row.name;
        }
    }
}

}  // namespace
}  // namespace kurma::vmx
