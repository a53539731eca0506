// Law: whatever lowers or replaces an entry of ept02 returns a debt; once it is paid, no translation that
// ept02 does not give is to be had from the processor.
//
// The processor is testing/processor.hpp's.
#include <gtest/gtest.h>

#include <testing/processor.hpp>
#include <testing/random_world.hpp>

namespace kurma::ept {
namespace {

using testing::Processor;
using Kind = Resolution::Kind;
using Shadow02 = Shadow<testing::World, 64>;

// L1, L2 and L0 do as they please; what L0 owes is paid, or, to show that the law can fail, forgotten.
class Play {
  public:
    Play(unsigned seed, bool pays) : random_(seed), pays_(pays) {
        if (!shadow_.init(random_.world)) throw std::runtime_error("no table for the root");
        processor_.emplace(random_.world, shadow_.root());
    }

    void step() {
        switch (random_.below(32)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4: random_.change12(); break;
            case 5: settle(shadow_.drop_all(random_.world)); break;
            case 6:
                random_.change01();
                settle(shadow_.drop_all(random_.world));
                break;
            case 7: drop(random_.address(), static_cast<PageSize>(random_.below(3))); break;
            case 8:
            case 9: fill(next_address(), random_.wanted(), !random_.one_in(3)); break;
            default: touch(next_address(), random_.wanted(), !random_.one_in(3)); break;
        }
    }

    [[nodiscard]] bool is_stale() { return processor_->is_stale(); }
    [[nodiscard]] unsigned flushes() const { return processor_->flushes; }
    unsigned filled = 0;
    unsigned filled_with_debt = 0;

  private:
    // Often one of those that were touched before.
    L2Gpa next_address() {
        L2Gpa& recent = recent_[random_.below(recent_.size())];
        if (random_.one_in(4)) recent = random_.address();
        return recent;
    }
    void touch(L2Gpa address, Access wanted, bool largest_pages) {
        if (processor_->access(address, wanted)) return;
        // Progress: what was filled for an access lets that access through.
        if (fill(address, wanted, largest_pages)) {
            EXPECT_TRUE(processor_->access(address, wanted) || !pays_);
        }
    }
    // After a fault; or before one, when L0 guesses what L2 will touch.
    bool fill(L2Gpa address, Access wanted, bool largest_pages) {
        Resolution resolution = shadow_.resolve(random_.world, Eptp{random_.eptp12}, random_.capabilities,
                                                address, wanted, largest_pages);
        if (resolution.kind == Kind::out_of_tables) settle(shadow_.drop_all(random_.world));
        const bool is_filled = resolution.kind == Kind::filled;
        if (is_filled) ++filled;
        if (is_filled && resolution.debt.owed()) ++filled_with_debt;
        settle(std::move(resolution.debt));
        if (is_filled && random_.one_in(3))
            shadow_.fill_around(random_.world, Eptp{random_.eptp12}, random_.capabilities, address,
                                1 + random_.below(entries_per_table));
        return is_filled;
    }
    void drop(L2Gpa address, PageSize size) { settle(shadow_.drop(random_.world, address, size)); }
    void settle(FlushDebt debt) {
        if (pays_) debt.pay([this] { processor_->flush(); });
        debt.forgive_in_test();
    }

    testing::RandomWorld random_;
    Shadow02 shadow_;
    std::optional<Processor> processor_;
    std::array<L2Gpa, 6> recent_{};
    bool pays_;
};

TEST(Debt, once_paid_leaves_nothing_stale) {
    unsigned flushes = 0;
    unsigned filled = 0;
    unsigned filled_with_debt = 0;
    for (unsigned seed = 0; seed < 400; ++seed) {
        Play play{seed, true};
        for (int step = 0; step < 500; ++step) {
            play.step();
            ASSERT_FALSE(play.is_stale()) << "seed " << seed << " step " << step;
        }
        flushes += play.flushes();
        filled += play.filled;
        filled_with_debt += play.filled_with_debt;
    }
    EXPECT_GT(flushes, 1000u);
    EXPECT_GT(filled_with_debt, 50u);
    // Most fills are free: a debt for every fill would obey the law, and be worthless.
    EXPECT_GT(filled, 10 * filled_with_debt);
}

TEST(Debt, forgotten_leaves_something_stale) {
    unsigned stale = 0;
    constexpr unsigned plays = 40;
    for (unsigned seed = 0; seed < plays; ++seed) {
        Play play{seed, false};
        // A table that was given back and is still cached has been seen by then.
        for (int step = 0; step < 300 && !play.is_stale(); ++step) play.step();
        if (play.is_stale()) ++stale;
    }
    EXPECT_GT(stale, plays / 2);
}

}  // namespace
}  // namespace kurma::ept
