// Laziness: what an exit leaves in vmcs02, and what an entry leaves out, changes nothing that L1 or the
// processor reads. Two L0s run the same L1 and the same L2: one saves, checks and writes everything at every
// turn, the other only what it must.
#include <gtest/gtest.h>

#include <vmx/reflect.hpp>

#include "../../testing/fake_world.hpp"
#include "../../testing/merged.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr int rounds = 300, turns = 12;

/// Writes of a turn that are about what this law is about, and writes to any field.
constexpr std::array lively{FieldId::guest_efer,
                            FieldId::guest_pat,
                            FieldId::guest_dr7,
                            FieldId::guest_debugctl,
                            FieldId::preemption_timer_value,
                            FieldId::exit_controls,
                            FieldId::entry_controls,
                            FieldId::entry_interruption_info,
                            FieldId::entry_exception_error_code,
                            FieldId::entry_instruction_length,
                            FieldId::tsc_offset,
                            FieldId::guest_rip,
                            FieldId::host_rip};

/// One L0 with one VMCS of L1's. It does what l0/exit does about the fields, in the same order.
class L0 {
  public:
    enum class Manner : u8 { eager, lazy };

    L0(const Capabilities& host, Manner manner)
        : host_(host), world_(vmx::offer(host, Policy{}), 1), lazy_(manner == Manner::lazy) {
        world_.make_current();
    }

    Vmcs12& v() { return *world_.nested().current; }
    FakeVmcs& vmcs02() { return world_.slot_of(v()).vmcs02; }
    FakeVmcs& vmcs01() { return vmcs01_; }
    void take(const Vmcs12& from) {
        v().image = from.image;
        v().dirty = all_home12;
        v().changed = true;
        v().checked = v().others_checked = false;
    }

    InstrOutcome vmwrite(FieldId id, u64 value) {
        world_.operand({.register1 = gpr::rax, .register2 = gpr::rdx});
        world_.set_gpr(gpr::rdx, row_of(id).encoding.raw);
        world_.set_gpr(gpr::rax, value);
        return emulate_vmwrite(world_);
    }
    u64 vmread(FieldId id) {
        world_.operand({.register1 = gpr::rax, .register2 = gpr::rdx});
        world_.set_gpr(gpr::rdx, row_of(id).encoding.raw);
        EXPECT_EQ(emulate_vmread(world_), vm_succeed);
        return world_.gpr(gpr::rax);
    }
    /// VMCLEAR writes the VMCS to L1's memory, and VMPTRLD takes it from there, into a new vmcs02.
    void clear_and_load() {
        world_.pointer_operand(FakeWorld::region_a);
        EXPECT_EQ(emulate_vmclear(world_), vm_succeed);
        EXPECT_EQ(emulate_vmptrld(world_), vm_succeed);
        present_ = {};
    }

    /// False if the checks refuse.
    bool enter(const Inherited& l1) {
        if (!lazy_) take(Vmcs12{v()});
        if ((v().changed || !v().checked_in(L1Mode::ia32e)) && !prepare()) return false;
        vmcs02().forget_history();
        merge_entry(Checker::passed(v()), l1, known_, vmcs02());
        return true;
    }

    LeftByL2 exit() {
        if (!lazy_ || saves_eagerly(v())) save_l2(v(), vmcs02());
        if (lazy_) v().in_vmcs02 = saved_lazily(v());
        const LeftByL2 left = left_by_l2(v(), vmcs02());
        note_exit(v(), world_.offered(), left, vmcs02());
        if (lazy_) known_ = {.efer = left.efer, .pat = left.pat};
        const bool wide = v().get(field::entry_controls).has(Entry::ia32e_mode_guest);
        present_.entry = present_.entry.with_if(wide, Entry::ia32e_mode_guest);
        load_l1(v(), left, NmiBlocking::none, vmcs01_);
        return left;
    }

  private:
    bool prepare() {
        CheckResult failure{};
        VmInstructionError error{};
        const auto proof = Checker::check(v(), world_.offered(), L1Mode::ia32e, failure, error);
        if (!proof) return false;
        save_at_last(v(), vmcs02());
        known_ = {};
        if (!lazy_) forget_present();
        merge_same(*proof, vmcs02());
        if (!(v().dirty & computed_controls).empty())
            merge_computed(*proof, host_, l0s_places, vmcs02(), present_);
        v().dirty.clear();
        v().changed = false;
        return true;
    }
    /// So that each control word differs from what vmcs02 has, and is written.
    void forget_present() {
        const Controls02 wanted = merge_controls(v(), host_);
        present_ = {{~wanted.pin.raw},
                    {~wanted.primary.raw},
                    {~wanted.secondary.raw},
                    {~wanted.exit.raw},
                    {~wanted.entry.raw}};
    }

    Capabilities host_;
    FakeWorld world_;
    FakeVmcs vmcs01_;
    bool lazy_;
    Known02 known_{};
    Controls02 present_{};
};

/// What L2 does to vmcs02, and what the processor writes there at its exit.
void run_l2(FakeVmcs& vmcs02, Random random) {
    for (const FieldId id : {FieldId::guest_efer, FieldId::guest_pat, FieldId::guest_dr7,
                             FieldId::guest_debugctl, FieldId::guest_cr0, FieldId::guest_rip})
        if (random.coin()) vmcs02.poke(id, random.word());
    if (vmcs02.get(field::exit_controls).has(Exit::save_preemption_timer))
        vmcs02.poke(FieldId::preemption_timer_value, random.word());
    constexpr u64 lma = 1u << 10;
    vmcs02.set(field::entry_controls,
               vmcs02.get(field::entry_controls)
                   .with_if((vmcs02.get(field::guest_efer) & lma) != 0, Entry::ia32e_mode_guest));
    vmcs02.set(field::entry_interruption_info, vmcs02.get(field::entry_interruption_info).consumed());
}

struct Laziness : ::testing::Test {
    /// A vmcs12 that the checks pass, with few reasons to be refused after a change.
    Vmcs12 passing() {
        for (;;) {
            Vmcs12 v = random_vmcs12(random, offered);
            Vmcs12 tried = v;
            CheckResult failure{};
            VmInstructionError error{};
            if (Checker::check(tried, offered, L1Mode::ia32e, failure, error)) return v;
        }
    }
    u64 value_for(L0& l0, FieldId id) {
        const u64 before = l0.vmread(id);
        if (id == FieldId::exit_controls)
            return before ^ (random.word() & bits(Exit::save_debug_controls, Exit::save_pat, Exit::load_pat,
                                                  Exit::save_efer, Exit::load_efer));
        if (id == FieldId::entry_controls)
            return before ^ (random.word() & bits(Entry::load_debug_controls, Entry::load_pat,
                                                  Entry::load_efer, Entry::ia32e_mode_guest));
        if (id == FieldId::entry_interruption_info) return random.word32();
        constexpr unsigned above_canonical = 17;
        if (id == FieldId::host_rip) return random.word() >> above_canonical;
        return random.below(8) == 0 ? ~u64{0} : random.word();
    }
    void let_l1_write() {
        for (u64 left = random.below(4); left != 0; --left) {
            const FieldId id = lively[random.below(lively.size())];
            const u64 value = value_for(eager, id);
            ASSERT_EQ(eager.vmwrite(id, value), vm_succeed);
            ASSERT_EQ(lazy.vmwrite(id, value), vm_succeed);
        }
        if (random.below(8) == 0) {
            eager.clear_and_load();
            lazy.clear_and_load();
        }
    }
    void expect_same_vmcs02() {
        for (usize i = 0; i < field_count; ++i) {
            const auto id = static_cast<FieldId>(i);
            ASSERT_EQ(lazy.vmcs02().peek(id), eager.vmcs02().peek(id)) << field_rows[i].name;
        }
    }
    void expect_that_l1_reads_the_same() {
        for (usize i = 0; i < field_count; ++i) {
            const auto id = static_cast<FieldId>(i);
            if (offered.exists(field_rows[i].exists)) {
                ASSERT_EQ(lazy.vmread(id), eager.vmread(id)) << field_rows[i].name;
            }
            ASSERT_EQ(lazy.vmcs01().peek(id), eager.vmcs01().peek(id)) << "L1's own " << field_rows[i].name;
        }
    }

    const Capabilities host = everything(), offered = offer(host, Policy{});
    Random random{41};
    L0 eager{host, L0::Manner::eager}, lazy{host, L0::Manner::lazy};
    usize entries = 0, left_in_vmcs02 = 0;
};

TEST_F(Laziness, changes_neither_vmcs02_nor_what_l1_reads) {
    for (int round = 0; round < rounds; ++round) {
        const Vmcs12 fresh = passing();
        for (L0* const l0 : {&eager, &lazy}) {
            l0->clear_and_load();
            l0->take(fresh);
        }
        for (int turn = 0; turn < turns; ++turn) {
            SCOPED_TRACE(::testing::Message() << "round " << round << ", turn " << turn);
            ASSERT_NO_FATAL_FAILURE(let_l1_write());
            const Inherited l1{
                .efer = random.word(), .pat = random.word(), .debugctl = random.word(), .dr7 = random.word()};
            const bool entered = eager.enter(l1);
            ASSERT_EQ(lazy.enter(l1), entered);
            if (!entered) break;
            ++entries;
            ASSERT_NO_FATAL_FAILURE(expect_same_vmcs02());
            const Random of_l2{random.word()};
            run_l2(eager.vmcs02(), of_l2);
            run_l2(lazy.vmcs02(), of_l2);
            const LeftByL2 left_eager = eager.exit(), left_lazy = lazy.exit();
            EXPECT_EQ(left_lazy.cr0, left_eager.cr0);
            EXPECT_EQ(left_lazy.efer, left_eager.efer);
            EXPECT_EQ(left_lazy.pat, left_eager.pat);
            left_in_vmcs02 += lazy.v().in_vmcs02.count();
            ASSERT_NO_FATAL_FAILURE(expect_that_l1_reads_the_same());
        }
    }
    EXPECT_GT(entries, usize{rounds} * turns / 2) << "most turns get as far as an entry";
    EXPECT_GT(left_in_vmcs02, entries / 2) << "and something is left in vmcs02 often enough";
}

}  // namespace
}  // namespace kurma::vmx
