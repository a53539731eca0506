// Law: to walk ept02 is to walk ept12 and then ept01, or to fault with the same owner.
//
// The right-hand side is testing/reference.hpp, which shares no code with the library.
#include <gtest/gtest.h>

#include <map>
#include <testing/random_world.hpp>

namespace kurma::ept {
namespace {

using testing::Expected;
using testing::Owner;
using testing::walk02;
using Kind = Resolution::Kind;

Owner owner_of(Kind kind) {
    switch (kind) {
        case Kind::l1_violation: return Owner::l1_violation;
        case Kind::l1_misconfiguration: return Owner::l1_misconfiguration;
        case Kind::l0_fault: return Owner::l0;
        case Kind::filled:
        case Kind::again:
        case Kind::flag_needed:
        case Kind::out_of_tables: break;
    }
    return Owner::nobody;
}

// ept02 at this address does what the reference says, less the right to write while ept12 is clean.
void expect_same_page(testing::World& world, Hpa root, L2Gpa address, const Expected& expected, bool flags) {
    const auto walked = walk02(world, root, address);
    ASSERT_EQ(walked.outcome, Walk<Space::host>::Outcome::leaf);
    const auto page = narrowed(walked.leaf, PageSize::k4, address);
    u64 rights = expected.rights;
    if (flags && !expected.dirty12) rights &= ~testing::bit_write;
    ASSERT_EQ(page.page.value(), expected.host_page);
    ASSERT_EQ(page.access.bits(), rights);
    ASSERT_EQ(static_cast<u64>(page.memory_type), expected.type);
    ASSERT_EQ(page.ignore_pat, expected.ignore_pat);
}

using Shadow02 = Shadow<testing::World, 64>;

struct Case {
    testing::World& world;
    Shadow02& shadow;
    u64 eptp12;
    const Capabilities& capabilities;
    bool largest_pages = true;
};

// Resolves one access in an ept02 that is empty but for what ept12 as it is now has led to.
void check(const Case& at, L2Gpa address, Access wanted, std::map<Owner, unsigned>& seen) {
    const Eptp eptp12{at.eptp12};
    Expected expected =
        testing::reference(at.world, at.eptp12, address.value(), wanted.bits(), at.capabilities);
    ++seen[expected.owner];
    Kind kind = Kind::again;
    // L1's tables may point to themselves; then a flag set in one entry changes another, a few times at most.
    for (int attempt = 0; kind == Kind::again && attempt < 5; ++attempt) {
        Resolution resolution =
            at.shadow.resolve(at.world, eptp12, at.capabilities, address, wanted, at.largest_pages);
        resolution.debt.forgive_in_test();
        kind = resolution.kind;
        if (kind == Kind::l1_violation) {
            ASSERT_EQ(resolution.effective.bits(), expected.effective12);
        }
        if (kind == Kind::l0_fault) {
            ASSERT_EQ(resolution.l1_address.value(), expected.l1_address);
        }
        if (kind == Kind::filled && !at.largest_pages) {
            ASSERT_EQ(resolution.size, PageSize::k4);
        }
    }
    ASSERT_EQ(owner_of(kind), expected.owner);
    ASSERT_EQ(kind == Kind::filled, expected.owner == Owner::nobody);
    if (kind != Kind::filled) return;
    if (eptp12.accessed_dirty()) {
        for (const L1Gpa entry : expected.entries12) {
            ASSERT_TRUE(at.world.peek_l1(entry).value() & Entry::accessed_bit);
        }
        const bool dirty = (at.world.peek_l1(expected.entries12.back()).value() & Entry::dirty_bit) != 0;
        if (wanted.includes(Access::write)) {
            ASSERT_TRUE(dirty);
        }
        expected.dirty12 = dirty;
    }
    expect_same_page(at.world, at.shadow.root(), address, expected, eptp12.accessed_dirty());
}

// Whatever else the leaf that serves an address covers must be right as well.
void check_neighbours(const Case& at, testing::RandomWorld& random, L2Gpa address) {
    const auto walked = walk02(at.world, at.shadow.root(), address);
    if (walked.outcome != Walk<Space::host>::Outcome::leaf) return;
    const L2Gpa first = address.aligned(walked.leaf.size);
    for (int i = 0; i < 8; ++i) {
        const L2Gpa other = first + random.below(bytes(walked.leaf.size));
        const auto expected = testing::reference(at.world, at.eptp12, other.value(),
                                                 walked.leaf.access.bits(), at.capabilities);
        ASSERT_EQ(expected.owner, Owner::nobody);
        expect_same_page(at.world, at.shadow.root(), other, expected, Eptp{at.eptp12}.accessed_dirty());
    }
}

// The pages of a block: each is what both tables give, or missing where they give nothing; L1's memory is as
// it was. For an address that was just filled.
void check_around(const Case& at, testing::RandomWorld& random, L2Gpa address, unsigned& filled) {
    const Eptp eptp12{at.eptp12};
    const auto served = testing::reference(at.world, at.eptp12, address.value(), 0, at.capabilities);
    const bool small = served.owner == Owner::nobody && served.bits12 == page_shift &&
                       walk02(at.world, at.shadow.root(), address).level == last_level;
    const u64 count = random.one_in(3) ? entries_per_table : 1 + random.below(entries_per_table);
    const u64 number = address.value() >> page_shift;
    std::map<u64, bool> before;
    const auto each_page = [&](auto&& look) {
        for (const u64 index : {u64{0}, u64{1}, u64{2}, entries_per_table - 1}) {
            const u64 page = (number & ~(entries_per_table - 1)) + index;
            look(L2Gpa{page << page_shift}, small && page / count == number / count);
        }
    };
    const auto present = [&](L2Gpa page) {
        return walk02(at.world, at.shadow.root(), page).outcome == Walk<Space::host>::Outcome::leaf;
    };
    each_page([&](L2Gpa page, bool) { before[page.value()] = present(page); });
    at.shadow.fill_around(at.world, eptp12, at.capabilities, address, count);
    each_page([&](L2Gpa page, bool in_block) {
        const auto expected = testing::reference(at.world, at.eptp12, page.value(), 0, at.capabilities);
        bool accessed = true;
        for (const L1Gpa entry : expected.entries12)
            accessed = accessed && (at.world.peek_l1(entry).value() & Entry::accessed_bit) != 0;
        const bool given =
            expected.owner == Owner::nobody && expected.rights != 0 && (accessed || !eptp12.accessed_dirty());
        ASSERT_EQ(present(page), before[page.value()] || (in_block && given)) << page.value();
        if (before[page.value()] || !present(page)) return;
        ++filled;
        expect_same_page(at.world, at.shadow.root(), page, expected, eptp12.accessed_dirty());
    });
}

TEST(Composition, holds_in_random_worlds) {
    constexpr unsigned worlds = 300;
    unsigned filled_around = 0;
    std::map<Owner, unsigned> seen;
    for (unsigned seed = 0; seed < worlds; ++seed) {
        SCOPED_TRACE(seed);
        testing::RandomWorld random{seed};
        Shadow02 shadow;
        ASSERT_TRUE(shadow.init(random.world));
        for (int step = 0; step < 100; ++step) {
            if (random.one_in(4)) {
                random.change12();
                shadow.drop_all(random.world).forgive_in_test();
            }
            if (random.one_in(30)) {
                random.change01();
                shadow.drop_all(random.world).forgive_in_test();
            }
            if (shadow.tables() > 48) shadow.drop_all(random.world).forgive_in_test();
            const Case at{random.world, shadow, random.eptp12, random.capabilities, !random.one_in(3)};
            const L2Gpa address = random.address();
            const unsigned filled_before = seen[Owner::nobody];
            check(at, address, random.wanted(), seen);
            if (HasFatalFailure()) return;
            const bool filled = seen[Owner::nobody] != filled_before;
            // With flags on, a flag set in a table that is used twice may change what another page is.
            if (!Eptp{random.eptp12}.accessed_dirty()) check_neighbours(at, random, address);
            if (HasFatalFailure()) return;
            if (filled && random.one_in(2)) check_around(at, random, address, filled_around);
            if (HasFatalFailure()) return;
        }
    }
    // A law that only ever met one kind of answer would show little.
    for (const Owner owner : {Owner::nobody, Owner::l1_violation, Owner::l1_misconfiguration, Owner::l0}) {
        EXPECT_GT(seen[owner], worlds) << static_cast<int>(owner);
    }
    EXPECT_GT(filled_around, worlds);
}

// One address, and every combination of what its two leaves may hold.
class SmallWorld : public ::testing::Test {
  protected:
    static constexpr L2Gpa address{0x1'2345'6789};
    static constexpr L1Gpa frame12{0x80'4000'0000};
    static constexpr Hpa frame01{0x10'8000'0000};
    static constexpr PageSize sizes[] = {PageSize::k4, PageSize::m2, PageSize::g1};

    void SetUp() override { ASSERT_TRUE(shadow.init(world)); }

    void give01(PageSize size12, Leaf<Space::host> leaf) {
        const u64 distance = address.offset(size12);
        leaf.page = (frame01 + distance).aligned(leaf.size);
        world.ranges01.clear();
        world.map01((frame12 + distance).aligned(leaf.size), leaf);
    }
    void give12(PageSize size12, u64 bits) {
        for (const PageSize above : {PageSize::g1, PageSize::m2}) {
            if (above > size12) {
                const L1Gpa at = guest.entry_of(address, above);
                if (world.peek_l1(at).value() & testing::bit_large) world.write_l1(at, 0);
            }
        }
        guest.map12(address, frame12, size12, bits);
    }
    void check_all_accesses(const Capabilities& capabilities) {
        for (const bool flags : {false, true}) {
            for (const bool largest_pages : {false, true}) {
                for (u64 wanted = 1; wanted < 8; ++wanted) {
                    const Case at{world, shadow, guest.eptp12(flags).bits(), capabilities, largest_pages};
                    world.write_l1(leaf_at, leaf_bits);
                    shadow.drop_all(world).forgive_in_test();
                    check(at, address, Access::from_bits(wanted), seen);
                    ASSERT_FALSE(HasFatalFailure());
                    ++cases;
                }
            }
        }
    }
    void remember_leaf(PageSize size12) {
        leaf_at = guest.entry_of(address, size12);
        leaf_bits = world.peek_l1(leaf_at).value();
    }

    testing::World world;
    testing::Guest guest{world};
    Shadow02 shadow;
    L1Gpa leaf_at;
    u64 leaf_bits = 0;
    std::map<Owner, unsigned> seen;
    unsigned cases = 0;
};

TEST_F(SmallWorld, every_pair_of_sizes_and_rights) {
    constexpr u64 rights01[] = {1, 3, 4, 5, 7};
    for (const PageSize size12 : sizes) {
        for (const PageSize size01 : sizes) {
            for (const u64 right01 : rights01) {
                give01(size12, {.page = Hpa{0}, .size = size01, .access = Access::from_bits(right01)});
                for (u64 right12 = 0; right12 < 8; ++right12) {
                    give12(size12, right12 | testing::type_wb);
                    remember_leaf(size12);
                    for (const bool execute_only : {false, true}) {
                        Capabilities capabilities = testing::offered();
                        capabilities.execute_only = execute_only;
                        check_all_accesses(capabilities);
                        if (HasFatalFailure()) return;
                    }
                }
            }
        }
    }
    EXPECT_EQ(cases, 3u * 3u * 5u * 8u * 2u * 28u);
    EXPECT_EQ(seen.size(), 4u);
}

TEST_F(SmallWorld, every_pair_of_memory_types) {
    constexpr MemoryType types01[] = {MemoryType::uc, MemoryType::wc, MemoryType::wt, MemoryType::wp,
                                      MemoryType::wb};
    for (const PageSize size12 : sizes) {
        for (const MemoryType type01 : types01) {
            for (const bool ignore_pat01 : {false, true}) {
                give01(size12, {.page = Hpa{0},
                                .size = PageSize::m2,
                                .access = Access::all,
                                .memory_type = type01,
                                .ignore_pat = ignore_pat01});
                // Bits 6:3: the type, reserved ones too, and ignore PAT.
                for (u64 bits = 0; bits < 16; ++bits) {
                    give12(size12, testing::all_rights | bits << 3);
                    remember_leaf(size12);
                    check_all_accesses(testing::offered());
                    if (HasFatalFailure()) return;
                }
            }
        }
    }
    EXPECT_EQ(cases, 3u * 5u * 2u * 16u * 28u);
}

}  // namespace
}  // namespace kurma::ept
