// The tables of a test's World for the timed loop: the same addresses and words, laid out flat as in memory,
// without history and without the checks that make a stray access throw.
#pragma once

#include <algorithm>
#include <testing/builder.hpp>
#include <vector>

#include "measure.hpp"

namespace kurma::bench {

class FlatWorld {
  public:
    /// Copies ept01, whose tables must be the first that `from` gave, and L1's tables.
    explicit FlatWorld(ept::testing::World& from)
        : root01_(from.root01()), words01_((from.tables_in_use() + spare_tables) * ept::entries_per_table) {
        const usize tables = from.tables_in_use();
        for (usize i = 0; i < tables * ept::entries_per_table; ++i)
            words01_[i] = from.peek(root01_ + i * sizeof(u64));
        for (usize i = tables + spare_tables; i > tables; --i)
            free_.push_back(root01_ + ((i - 1) << ept::page_shift));
        for (usize i = 0; i < words12_.size(); ++i)
            words12_[i] = from.peek_l1(ept::L1Gpa{tables12} + i * sizeof(u64)).value();
    }

    u64 load(ept::Hpa at) { return words01_[index01(at)]; }
    void store(ept::Hpa at, u64 bits) { words01_[index01(at)] = bits; }
    /// Zeroed, as a Shadow asks of it.
    std::optional<ept::Hpa> allocate_table() {
        if (free_.empty()) return std::nullopt;
        const ept::Hpa table = free_.back();
        free_.pop_back();
        std::fill_n(&words01_[index01(table)], ept::entries_per_table, 0);
        return table;
    }
    void free_table(ept::Hpa table) { free_.push_back(table); }
    std::optional<ept::Leaf<ept::Space::host>> walk01(ept::L1Gpa address) {
        return lookup(*this, root01_, address);
    }
    std::optional<u64> read_entry(ept::L1Gpa at) {
        if (at.value() < tables12 || at.value() >= tables12_end) return std::nullopt;
        return words12_[(at.value() - tables12) / sizeof(u64)];
    }
    /// There is one processor.
    bool compare_exchange_entry(ept::L1Gpa at, u64 expected, u64 desired) {
        u64& entry = words12_[(at.value() - tables12) / sizeof(u64)];
        if (entry != expected) return false;
        entry = desired;
        return true;
    }

  private:
    static constexpr usize spare_tables = 64;
    static constexpr u64 tables12 = ept::testing::Guest::tables_start;
    static constexpr u64 tables12_end = ept::testing::Guest::tables_end;

    usize index01(ept::Hpa at) const { return (at.value() - root01_.value()) / sizeof(u64); }

    ept::Hpa root01_;
    std::vector<u64> words01_;
    std::vector<u64> words12_ = std::vector<u64>((tables12_end - tables12) / sizeof(u64));
    std::vector<ept::Hpa> free_;
};

static_assert(ept::ShadowWorld<FlatWorld>);

/// Entries of ept12 that were read in a World, the setting up of which reads none.
inline double entries_read(const ept::testing::World& world) {
    usize count = 0;
    for (const auto& [address, times] : world.reads) count += times;
    return static_cast<double>(count);
}

}  // namespace kurma::bench
