// Law: what L1's other processors change between a check and a use changes nothing: the emulation reads each
// operand, each VMCS region's first word and each paging-structure entry once, and goes by what it has read.
//
// The memory here is another one after each read: often the very bytes that were read, and often to something
// that would have been as good, so that a second read would be believed.
#include <gtest/gtest.h>

#include <map>
#include <x86/linear.hpp>

#include "../../testing/fake_world.hpp"
#include "../../testing/outcomes.hpp"
#include "../../testing/random.hpp"

namespace kurma::vmx {
namespace {

using namespace testing;

constexpr u32 revision = 0x2b;
constexpr u64 regions[]{FakeWorld::vmxon_region, FakeWorld::region_a, FakeWorld::region_b,
                        FakeWorld::region_c};

struct Seen {
    u64 at;
    u64 value;
    unsigned bytes;
};

/// What an operand may hold, good or nearly so: a region, an EPT pointer, a VPID, a field's value.
u64 plausible(Random& random) {
    switch (random.below(6)) {
        case 0: return random.below(4) << 12 | 0x1e;
        case 1: return random.below(5);
        case 2: return regions[random.below(4)] | random.below(8) / 7;
        case 3: return random.word();
        default: return regions[random.below(4)];
    }
}

class ChangingWorld : public FakeWorld {
  public:
    explicit ChangingWorld(Random& random) : FakeWorld(vmx::offer(haswell(), Policy{}), 2), random_(random) {}

    // What the emulation reads by; the emulation is a template, so these hide FakeWorld's.
    u64 read_bytes(ept::L1Gpa at, unsigned bytes) {
        const u64 value = FakeWorld::read_bytes(at, bytes);
        operands.push_back({at.value(), value, bytes});
        others_play(at.value(), plausible(random_), bytes);
        return value;
    }
    std::optional<u32> read_u32(ept::L1Gpa at) {
        const auto value = FakeWorld::read_u32(at);
        words.push_back({at.value(), value.value_or(0), 4});
        others_play(at.value(), random_.coin() ? revision : revision | u32{1} << random_.below(32), 4);
        return value;
    }
    std::optional<u64> read_u64(ept::L1Gpa at) {
        const auto value = FakeWorld::read_u64(at);
        entries.push_back({at.value(), value.value_or(0), 8});
        others_play(at.value(), value.value_or(0) ^ u64{1} << random_.below(64), 8);
        return value;
    }

    /// L1 before an instruction: its tables whole again, an operand in place.
    void prepare() {
        for (const auto& [at, entry] : spoilt_) poke(at, entry);
        spoilt_.clear();
        operands.clear();
        words.clear();
        entries.clear();
        for (const u64 region : regions)
            poke(region, random_.below(8) == 0 ? shadow_indicator | revision : revision, 4);
        poke(operand_at, plausible(random_));
        poke(operand_at + 8, plausible(random_));
        poke(crossing, plausible(random_));
        vmcs01().forget_history();
        forget_reads();
    }

    static constexpr u64 crossing = operand_at + 0xffc;  // an operand in two pages
    std::vector<Seen> operands, words, entries;

  private:
    void others_play(u64 at, u64 value, unsigned bytes) {
        if (random_.below(4) == 0) return;
        const u64 page_tables = tables_at;
        if (at >= page_tables && at <= size() - sizeof(u64)) spoilt_.emplace(at, peek(at));
        poke(at, value, bytes);
        if (random_.coin()) poke(regions[random_.below(4)], revision ^ u32{1} << random_.below(32), 4);
        if (random_.coin()) poke(operand_at, plausible(random_));
    }

    Random& random_;
    std::map<u64, u64> spoilt_;
};
static_assert(InstructionWorld<ChangingWorld>);

struct ChangingMemory : ::testing::Test {
    /// The operand as the emulation has seen it, in the order of its reads; wherever L1's tables led
    /// meanwhile.
    std::vector<u8> operand_read() const {
        std::vector<u8> seen;
        for (const Seen& read : world.operands)
            for (unsigned i = 0; i < read.bytes; ++i) seen.push_back(static_cast<u8>(read.value >> (8 * i)));
        return seen;
    }
    u64 word_of_operand(usize first = 0) const {
        const std::vector<u8> seen = operand_read();
        u64 value = 0;
        for (usize i = 0; i < sizeof(u64); ++i) value |= u64{seen.at(first + i)} << (8 * i);
        return value;
    }
    /// The first word of a region, which is read at most once.
    u32 word_read() {
        EXPECT_EQ(world.words.size(), 1u);
        return world.words.empty() ? 0 : static_cast<u32>(world.words.front().value);
    }
    void expect_entries_of_two_walks() {
        constexpr usize levels = 4;
        EXPECT_LE(world.entries.size(), 2 * levels);
    }
    void place_operand(unsigned register2 = 0) {
        world.memory_operand(random.coin() ? FakeWorld::operand_at : ChangingWorld::crossing, register2);
    }
    /// As many bytes as the operand has, and not one more; at most one word of a region.
    void expect_read_once(const InstrOutcome& outcome, usize operand_bytes) {
        EXPECT_EQ(operand_read().size(), outcome.kind == InstrOutcome::Kind::fault ? 0 : operand_bytes);
        EXPECT_LE(world.words.size(), 1u);
        expect_entries_of_two_walks();
    }

    Random random{61};
    ChangingWorld world{random};
    static constexpr int rounds = 20'000;
    int succeeded = 0;
};

TEST_F(ChangingMemory, vmptrld_goes_by_the_pointer_and_the_word_that_it_has_read) {
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        world.prepare();
        place_operand();
        const InstrOutcome outcome = emulate_vmptrld(world);
        expect_read_once(outcome, 8);
        if (outcome != vm_succeed) continue;
        ++succeeded;
        const u32 word = word_read();
        EXPECT_EQ(word & 0x7fff'ffff, revision);
        EXPECT_EQ(world.words.front().at, word_of_operand());
        EXPECT_EQ(world.nested().current->region.value(), word_of_operand());
        EXPECT_EQ(world.nested().current->shadow, word >> 31 != 0);
        EXPECT_NE(world.nested().current->region.value(), world.nested().vmxon_pointer);
    }
    EXPECT_GT(succeeded, rounds / 10);
}

TEST_F(ChangingMemory, vmxon_goes_by_the_pointer_and_the_word_that_it_has_read) {
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        world.prepare();
        world.nested().in_vmx_operation = false;
        place_operand();
        const InstrOutcome outcome = emulate_vmxon(world);
        expect_read_once(outcome, 8);
        if (outcome != vm_succeed) continue;
        ++succeeded;
        EXPECT_EQ(word_read(), revision);
        EXPECT_EQ(world.words.front().at, word_of_operand());
        EXPECT_EQ(world.nested().vmxon_pointer, word_of_operand());
    }
    EXPECT_GT(succeeded, rounds / 10);
}

TEST_F(ChangingMemory, vmclear_clears_the_vmcs_whose_pointer_it_has_read) {
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        world.prepare();
        world.make_current(FakeWorld::region_a);
        world.make_current(FakeWorld::region_b);
        place_operand();
        const InstrOutcome outcome = emulate_vmclear(world);
        expect_read_once(outcome, 8);
        if (outcome != vm_succeed) continue;
        ++succeeded;
        const u64 pointer = word_of_operand();
        EXPECT_NE(pointer, world.nested().vmxon_pointer);
        for (const u64 region : {FakeWorld::region_a, FakeWorld::region_b})
            EXPECT_EQ(world.find_active(ept::L1Gpa{region}) == nullptr, pointer == region);
        EXPECT_EQ(world.nested().current == nullptr, pointer == FakeWorld::region_b);
    }
    EXPECT_GT(succeeded, rounds / 10);
}

TEST_F(ChangingMemory, vmwrite_writes_what_it_has_read) {
    world.make_current();
    constexpr u64 host_rip = 0x6c16;
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        world.prepare();
        world.set_gpr(gpr::r8, host_rip);
        place_operand(gpr::r8);
        const InstrOutcome outcome = emulate_vmwrite(world);
        expect_read_once(outcome, 8);
        if (outcome != vm_succeed) continue;
        ++succeeded;
        EXPECT_EQ(world.nested().current->get(field::host_rip), word_of_operand());
    }
    EXPECT_GT(succeeded, rounds / 10);
}

TEST_F(ChangingMemory, invept_forgets_the_ept_whose_pointer_it_has_read) {
    world.make_current();
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        world.prepare();
        world.set_gpr(gpr::r8, 1);
        place_operand(gpr::r8);
        const usize before = world.dropped_eptps().size();
        const InstrOutcome outcome = emulate_invept(world);
        expect_read_once(outcome, 16);
        if (outcome != vm_succeed) continue;
        ++succeeded;
        ASSERT_EQ(world.dropped_eptps().size(), before + 1);
        EXPECT_EQ(world.dropped_eptps().back().bits(), word_of_operand());
        EXPECT_TRUE(world.dropped_eptps().back().valid(world.offered().ept()));
    }
    EXPECT_GT(succeeded, rounds / 20);
}

TEST_F(ChangingMemory, invvpid_forgets_the_vpid_that_it_has_read) {
    world.make_current();
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        world.prepare();
        world.set_gpr(gpr::r8, 1);
        place_operand(gpr::r8);
        const usize before = world.dropped_vpids().size();
        const InstrOutcome outcome = emulate_invvpid(world);
        expect_read_once(outcome, 16);
        if (outcome != vm_succeed) continue;
        ++succeeded;
        ASSERT_EQ(world.dropped_vpids().size(), before + 1);
        EXPECT_EQ(world.dropped_vpids().back(), word_of_operand());
        EXPECT_NE(world.dropped_vpids().back(), 0);
    }
    EXPECT_GT(succeeded, rounds / 20);
}

/// L1's page tables, another one after each read.
class ChangingTables : public FakeMemory {
  public:
    ChangingTables(Random& random, usize size) : FakeMemory(size), random_(random) {}

    std::optional<u64> read_u64(ept::L1Gpa at) { return seen(at, FakeMemory::read_u64(at)); }
    std::optional<u32> read_u32(ept::L1Gpa at) { return seen(at, FakeMemory::read_u32(at)); }
    void or_u8(ept::L1Gpa at, u8 bits) {
        flagged.push_back({at.value(), bits, 1});
        FakeMemory::or_u8(at, bits);
    }
    std::vector<Seen> entries, flagged;

  private:
    template <class T>
    std::optional<T> seen(ept::L1Gpa at, std::optional<T> value) {
        entries.push_back({at.value(), value.value_or(0), sizeof(T)});
        const u64 other =
            random_.coin() ? random_.word() : value.value_or(0) ^ u64 { 1 } << random_.below(8 * sizeof(T));
        if (random_.below(4) != 0) poke(at.value(), other, sizeof(T));
        return value;
    }

    Random& random_;
};

/// A walk of tables that change is the walk of tables that are, and stay, what was read.
void expect_as_if_frozen(Random& random, PagingMode mode) {
    constexpr usize size = 1u << 15;
    constexpr u64 page = 0x1000;
    const bool wide = mode == PagingMode::four_level;
    int passed = 0;
    for (int round = 0; round < 3'000; ++round) {
        SCOPED_TRACE(round);
        ChangingTables memory{random, size};
        PageTables tables{memory, mode, page};
        const u64 linear = random.below(u64{1} << (wide ? 40 : 32));
        const bool large = random.below(4) == 0;
        const u64 frame = random.below(64) << (large ? 22 : 12);
        tables.map(linear & ~(page - 1), frame, random.coin() ? pte::user_rw : pte::supervisor_rw,
                   large ? 2 : 1);
        memory.load_pdptes(tables.root());
        const x86::PagingRegisters registers{.cr0 = 0x8001'0001,
                                             .cr3 = tables.root(),
                                             .cr4 = mode == PagingMode::bits32 ? 0x10u : 0x20u,
                                             .efer = wide ? 0xd00u : 0u,
                                             .physical_address_width = 40};
        const auto access = random.coin() ? x86::DataAccess::write : x86::DataAccess::read;
        const auto racing = x86::translate_linear(memory, registers, linear, access);

        FakeMemory frozen{size};
        frozen.load_pdptes(0);
        for (unsigned i = 0; i < 4; ++i) frozen.poke(8 * i, memory.pdpte(i));
        frozen.load_pdptes(0);
        for (const Seen& entry : memory.entries) frozen.poke(entry.at, entry.value, entry.bytes);
        const auto still = x86::translate_linear(frozen, registers, linear, access);
        ASSERT_EQ(racing.ok, still.ok);
        ASSERT_EQ(racing.address, still.address);
        ASSERT_EQ(racing.fault, still.fault);
        ASSERT_EQ(memory.entries.size(), frozen.reads().size());
        for (usize i = 0; i < memory.entries.size(); ++i)
            ASSERT_EQ(memory.entries[i].at, frozen.reads()[i].address);
        for (const Seen& flag : memory.flagged) ASSERT_EQ(flag.value & ~(pte::accessed | pte::dirty), 0u);
        passed += racing.ok ? 1 : 0;
    }
    EXPECT_GT(passed, 500);
}

TEST_F(ChangingMemory, leads_a_32_bit_walk_to_where_the_entries_read_lead) {
    expect_as_if_frozen(random, PagingMode::bits32);
}
TEST_F(ChangingMemory, leads_a_pae_walk_to_where_the_entries_read_lead) {
    expect_as_if_frozen(random, PagingMode::pae);
}
TEST_F(ChangingMemory, leads_a_four_level_walk_to_where_the_entries_read_lead) {
    expect_as_if_frozen(random, PagingMode::four_level);
}

}  // namespace
}  // namespace kurma::vmx
