// Law: whatever L1's other processors write into ept12 while L0 walks it, an answer is that of the entries as
// they were read, each of them once; a walk ends; and L0 writes nothing into L1's memory but accessed and
// dirty flags of the entries that it has read.
//
// The other processors play at each read of an entry and before each flag is set. What was read is written
// down, and replayed through a second writing-down of the manual (testing/reference.hpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <testing/processor.hpp>
#include <testing/random_world.hpp>

namespace kurma::ept {
namespace {

using testing::Processor;
using testing::RandomWorld;
using testing::walk02;
using Kind = Resolution::Kind;

// A RandomWorld in which other processors of L1's write now and then.
class RacingWorld {
  public:
    struct Read {
        L1Gpa at;
        u64 bits;
    };
    struct Flagging {
        L1Gpa at;
        u64 expected, desired;
        bool done;
    };

    explicit RacingWorld(RandomWorld& random) : random_(random) {}

    u64 load(Hpa at) { return random_.world.load(at); }
    void store(Hpa at, u64 bits) { random_.world.store(at, bits); }
    std::optional<Hpa> allocate_table() { return random_.world.allocate_table(); }
    void free_table(Hpa table) { random_.world.free_table(table); }
    std::optional<Leaf<Space::host>> walk01(L1Gpa address) { return random_.world.walk01(address); }
    std::optional<u64> read_entry(L1Gpa at) {
        const std::optional<u64> bits = random_.world.read_entry(at);
        if (bits) reads.push_back({at, *bits});
        others_play(at);
        return bits;
    }
    bool compare_exchange_entry(L1Gpa at, u64 expected, u64 desired) {
        others_play(at);
        const bool done = random_.world.compare_exchange_entry(at, expected, desired);
        flaggings.push_back({at, expected, desired, done});
        return done;
    }

    // With racing off, the others rest.
    bool racing = true;
    std::vector<Read> reads;
    std::vector<Flagging> flaggings;

  private:
    void others_play(L1Gpa at) {
        if (!racing || random_.one_in(3)) return;
        for (u64 left = random_.below(4); left != 0; --left) random_.change12();
        // The very entry that L0 has just read: other rights, another page, another dirty flag.
        if (random_.one_in(2) && random_.world.peek_l1(at)) {
            const u64 before = *random_.world.peek_l1(at);
            random_.world.write_l1(at, before ^ u64{1} << random_.below(64));
        }
    }

    RandomWorld& random_;
};

using Shadow02 = Shadow<RacingWorld, 64>;

// What the entries that were read say, one after the other.
struct Replayed {
    enum class Outcome { leaf, not_present, misconfigured, unreachable };
    Outcome outcome = Outcome::unreachable;
    u64 rights = 7;
    u64 page = 0;
    unsigned page_bits = 12;
    u64 type = 0;
    bool ignore_pat = false, dirty = false;
};

Replayed replay(const std::vector<RacingWorld::Read>& reads, const Capabilities& capabilities) {
    Replayed result;
    unsigned level = 4;
    for (const RacingWorld::Read& read : reads) {
        result.rights &= read.bits;
        if ((read.bits & 7) == 0) {
            result.outcome = Replayed::Outcome::not_present;
            return result;
        }
        if (testing::reference_misconfigured(read.bits, level, capabilities)) {
            result.outcome = Replayed::Outcome::misconfigured;
            return result;
        }
        if (level == 1 || (read.bits & testing::bit_large) != 0) {
            result.outcome = Replayed::Outcome::leaf;
            result.page = read.bits & 0x000F'FFFF'FFFF'F000;
            result.page_bits = 12 + 9 * (level - 1);
            result.type = read.bits >> 3 & 7;
            result.ignore_pat = (read.bits & testing::bit_ignore_pat) != 0;
            result.dirty = (read.bits & testing::bit_dirty) != 0;
            return result;
        }
        --level;
    }
    return result;
}

class ChangingMemory : public ::testing::Test {
  protected:
    struct Attempt {
        L2Gpa address;
        Access wanted;
        bool flags = false;
        Kind kind = Kind::again;
        u64 effective = 0;
    };

    // One resolve, all of whose reads and writes are at hand afterwards.
    Attempt attempt(RandomWorld& random, RacingWorld& world, Shadow02& shadow, L2Gpa address, Access wanted) {
        world.reads.clear();
        world.flaggings.clear();
        const Eptp eptp12{random.eptp12};
        Resolution resolution =
            shadow.resolve(world, eptp12, random.capabilities, address, wanted, !random.one_in(3));
        const Attempt result{address, wanted, eptp12.accessed_dirty(), resolution.kind,
                             resolution.effective.bits()};
        resolution.debt.forgive_in_test();
        return result;
    }

    // L0 has read from the root down, an entry a level; each entry led to the table in which the next one
    // lies.
    void expect_one_walk(const RandomWorld& random, const RacingWorld& world, L2Gpa address) {
        ASSERT_LE(world.reads.size(), 4u);
        u64 table = random.eptp12 & 0x000F'FFFF'FFFF'F000;
        unsigned level = 4;
        for (const RacingWorld::Read& read : world.reads) {
            const u64 index = address.value() >> (12 + 9 * (level - 1)) & 511;
            ASSERT_EQ(read.at.value(), table + index * 8);
            table = read.bits & 0x000F'FFFF'FFFF'F000;
            --level;
        }
    }

    // Flags, in entries that were read, and only if they are still what was read.
    void expect_only_flags(const RacingWorld& world, const Attempt& did) {
        for (const RacingWorld::Flagging& flagging : world.flaggings) {
            const auto read = std::find_if(world.reads.begin(), world.reads.end(),
                                           [&](const auto& r) { return r.at == flagging.at; });
            ASSERT_NE(read, world.reads.end());
            EXPECT_EQ(flagging.desired & ~(testing::bit_accessed | testing::bit_dirty),
                      flagging.expected & ~(testing::bit_accessed | testing::bit_dirty));
            EXPECT_EQ(flagging.expected & ~flagging.desired, 0u) << "a flag is set, never cleared";
            const bool is_leaf = flagging.at == world.reads.back().at;
            if ((flagging.desired ^ flagging.expected) & testing::bit_dirty) {
                EXPECT_TRUE(is_leaf && did.wanted.includes(Access::write));
            }
        }
        EXPECT_TRUE(did.flags || world.flaggings.empty());
    }

    void expect_answer_of_what_was_read(RandomWorld& random, RacingWorld& world, Shadow02& shadow,
                                        const Attempt& did) {
        const Replayed read = replay(world.reads, random.capabilities);
        const bool allowed = (did.wanted.bits() & ~read.rights) == 0;
        switch (did.kind) {
            case Kind::l1_violation:
                EXPECT_TRUE(read.outcome == Replayed::Outcome::not_present ||
                            (read.outcome == Replayed::Outcome::leaf && !allowed));
                EXPECT_EQ(did.effective, read.rights & 7);
                return;
            case Kind::l1_misconfiguration: EXPECT_EQ(read.outcome, Replayed::Outcome::misconfigured); return;
            case Kind::l0_fault: return;
            case Kind::again:
                ASSERT_FALSE(world.flaggings.empty());
                EXPECT_FALSE(world.flaggings.back().done) << "again only where L1 has changed an entry";
                return;
            case Kind::out_of_tables: return;
            case Kind::flag_needed: FAIL() << "nobody said that flags are to be kept";
            case Kind::filled: break;
        }
        ASSERT_EQ(read.outcome, Replayed::Outcome::leaf);
        EXPECT_TRUE(allowed);
        for (const RacingWorld::Flagging& flagging : world.flaggings) EXPECT_TRUE(flagging.done);
        expect_page_of_what_was_read(random, shadow, did, read);
    }

    // Page, rights, type and size come from one and the same reading of the leaf.
    void expect_page_of_what_was_read(RandomWorld& random, Shadow02& shadow, const Attempt& did,
                                      const Replayed& read) {
        const u64 in_page = did.address.value() & ((u64{1} << read.page_bits) - 1);
        const testing::Range01* const range = testing::reference_range01(random.world, read.page + in_page);
        ASSERT_TRUE(range != nullptr && range->mapped);
        const auto walked = walk02(random.world, shadow.root(), did.address);
        ASSERT_EQ(walked.outcome, Walk<Space::host>::Outcome::leaf);
        const auto page = narrowed(walked.leaf, PageSize::k4, did.address);
        EXPECT_EQ(page.page.value(),
                  (range->leaf.page.value() + (read.page + in_page - range->first.value())) & ~u64{0xFFF});
        u64 rights = read.rights & range->leaf.access.bits() & 7;
        if (did.flags && !read.dirty && !did.wanted.includes(Access::write)) rights &= ~testing::bit_write;
        EXPECT_EQ(page.access.bits(), rights);
        EXPECT_EQ(static_cast<u64>(page.memory_type),
                  testing::reference_type(read.type, static_cast<u64>(range->leaf.memory_type)));
        EXPECT_EQ(page.ignore_pat, read.ignore_pat || range->leaf.ignore_pat);
        EXPECT_LE(bytes(walked.leaf.size), u64{1} << read.page_bits);
    }
};

TEST_F(ChangingMemory, gives_answers_of_entries_read_once) {
    constexpr unsigned worlds = 200, accesses = 100;
    std::map<Kind, unsigned> seen;
    for (unsigned seed = 0; seed < worlds; ++seed) {
        SCOPED_TRACE(seed);
        RandomWorld random{seed};
        RacingWorld world{random};
        Shadow02 shadow;
        ASSERT_TRUE(shadow.init(world));
        for (unsigned i = 0; i < accesses; ++i) {
            // What an older ept12 said may be in ept02 still; that is the law Debt's.
            shadow.drop_all(world).forgive_in_test();
            const Attempt did = attempt(random, world, shadow, random.address(), random.wanted());
            ++seen[did.kind];
            expect_one_walk(random, world, did.address);
            expect_only_flags(world, did);
            expect_answer_of_what_was_read(random, world, shadow, did);
            if (HasFailure()) return;
        }
    }
    for (const Kind kind :
         {Kind::filled, Kind::again, Kind::l1_violation, Kind::l1_misconfiguration, Kind::l0_fault})
        EXPECT_GT(seen[kind], worlds) << static_cast<int>(kind);
}

TEST_F(ChangingMemory, makes_no_progress_impossible) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        RandomWorld random{seed};
        RacingWorld world{random};
        Shadow02 shadow;
        ASSERT_TRUE(shadow.init(world));
        for (int i = 0; i < 50; ++i) {
            const L2Gpa address = random.address();
            const Access wanted = random.wanted();
            (void)attempt(random, world, shadow, address, wanted);
            // Once the others rest, an access comes to an end: tables that point to themselves take a few
            // attempts.
            world.racing = false;
            Kind kind = Kind::again;
            for (int attempts = 0; attempts < 5 && kind == Kind::again; ++attempts)
                kind = attempt(random, world, shadow, address, wanted).kind;
            EXPECT_NE(kind, Kind::again);
            world.racing = true;
            if (shadow.tables() > 48) shadow.drop_all(world).forgive_in_test();
        }
    }
}

TEST_F(ChangingMemory, leaves_no_debt_unpaid) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        RandomWorld random{seed};
        RacingWorld world{random};
        Shadow02 shadow;
        ASSERT_TRUE(shadow.init(world));
        Processor processor{random.world, shadow.root()};
        std::array<L2Gpa, 6> recent{};
        for (int i = 0; i < 200; ++i) {
            L2Gpa& address = recent[random.below(recent.size())];
            if (random.one_in(4)) address = random.address();
            const Access wanted = random.wanted();
            if (processor.access(address, wanted)) continue;
            Resolution resolution = shadow.resolve(world, Eptp{random.eptp12}, random.capabilities, address,
                                                   wanted, !random.one_in(3));
            resolution.debt.pay([&] { processor.flush(); });
            if (resolution.kind == Kind::out_of_tables)
                shadow.drop_all(world).pay([&] { processor.flush(); });
            EXPECT_TRUE(resolution.kind != Kind::filled || processor.access(address, wanted));
            ASSERT_FALSE(processor.is_stale());
        }
    }
}

}  // namespace
}  // namespace kurma::ept
