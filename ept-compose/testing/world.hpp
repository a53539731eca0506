// A machine for the tests: its memory, which keeps the history of stores, an ept01 and the memory of an L1
// behind it.
//
// A Shadow runs in it as it runs in l0. Tables of ours come from a pool of limited size; a load or a store
// that hits no table in use throws, so that a use after free_table() cannot pass unseen.
#pragma once

#include <ept/shadow.hpp>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kurma::ept::testing {

struct Store {
    Hpa at;
    u64 bits;
};

// A run of L1's memory as ept01 was told to map it; of several that overlap, the last one counts.
struct Range01 {
    L1Gpa first;
    Leaf<Space::host> leaf;
    bool mapped;
};

class World {
  public:
    World() : root01_(*allocate_table()) {}

    // What a Shadow asks of a world.
    u64 load(Hpa at) {
        require_table(at);
        return peek(at);
    }
    void store(Hpa at, u64 bits) {
        require_table(at);
        history.push_back({at, bits});
        words_[at.value()] = bits;
    }
    std::optional<Hpa> allocate_table() {
        if (tables_.size() >= table_limit) return std::nullopt;
        Hpa table{pool_start};
        if (!free_.empty()) {
            table = free_.back();
            free_.pop_back();
        } else {
            table = Hpa{pool_start + (next_++ << page_shift)};
        }
        tables_.insert(table);
        return table;
    }
    void free_table(Hpa table) {
        if (tables_.erase(table) == 0) throw std::logic_error("a table is freed that is not in use");
        for (u64 i = 0; i < entries_per_table; ++i) words_.erase(table.value() + i * sizeof(u64));
        free_.push_back(table);
    }
    std::optional<Leaf<Space::host>> walk01(L1Gpa address) { return lookup(*this, root01_, address); }
    std::optional<u64> read_entry(L1Gpa at) {
        const std::optional<Hpa> host = host_of(at);
        if (!host) return std::nullopt;
        const u64 bits = peek(*host);
        ++reads[at.value()];
        if (after_read) after_read(at);
        return bits;
    }
    bool compare_exchange_entry(L1Gpa at, u64 expected, u64 desired) {
        const std::optional<Hpa> host = host_of(at);
        if (!host || peek(*host) != expected) return false;
        words_[host->value()] = desired;
        return true;
    }

    // The hands of L0: changes ept01, and pays at once for what nobody caches here.
    void map01(L1Gpa address, const Leaf<Space::host>& leaf) {
        Change change = map(*this, root01_, address, leaf);
        change.debt.forgive_in_test();
        if (!change.complete) throw std::runtime_error("no tables left for ept01");
        ranges01.push_back({address, leaf, true});
    }
    void unmap01(L1Gpa address, PageSize size) {
        Change change = unmap(*this, root01_, address, size);
        change.debt.forgive_in_test();
        if (!change.complete) throw std::runtime_error("no tables left for ept01");
        ranges01.push_back({address, {.page = Hpa{}, .size = size}, false});
    }

    // The hands of L1, and the eyes of a test.
    void write_l1(L1Gpa at, u64 bits) { words_[host_of(at).value().value()] = bits; }
    [[nodiscard]] std::optional<u64> peek_l1(L1Gpa at) {
        const std::optional<Hpa> host = host_of(at);
        if (!host) return std::nullopt;
        return peek(*host);
    }
    [[nodiscard]] u64 peek(Hpa at) const {
        const auto found = words_.find(at.value());
        return found == words_.end() ? 0 : found->second;
    }
    [[nodiscard]] usize tables_in_use() const { return tables_.size(); }
    [[nodiscard]] bool is_table(Hpa at) const { return tables_.contains(at.page()); }
    [[nodiscard]] Hpa root01() const { return root01_; }

    usize table_limit = 4096;
    std::vector<Store> history;
    std::unordered_map<u64, unsigned> reads;  // of ept12's entries, by address
    std::function<void(L1Gpa)> after_read;    // another processor of L1's
    std::vector<Range01> ranges01;

  private:
    static constexpr u64 pool_start = 0x8'0000'0000;

    void require_table(Hpa at) const {
        if (!is_table(at)) throw std::logic_error("an entry is used that lies in no table");
    }
    std::optional<Hpa> host_of(L1Gpa address) {
        const auto leaf = walk01(address);
        if (!leaf) return std::nullopt;
        return leaf->page + address.offset(leaf->size);
    }

    std::unordered_map<u64, u64> words_;
    std::set<Hpa> tables_;
    std::vector<Hpa> free_;
    u64 next_ = 0;
    Hpa root01_;
};

// Tables of ours, as the processor walks them. A walk into a table that was given back throws, as load()
// does.
struct HostTables {
    World& world;

    std::optional<u64> read_entry(Hpa at) { return world.load(at); }
};

// The real processor on which L0 runs: it can do everything.
inline constexpr Capabilities host_capabilities{.execute_only = true,
                                                .page_1g = true,
                                                .page_2m = true,
                                                .accessed_dirty = true,
                                                .uc = true,
                                                .wb = true,
                                                .physical_address_width = 40};

inline Walk<Space::host> walk02(World& world, Hpa root, L2Gpa address) {
    HostTables tables{world};
    return walk<Space::host>(tables, Eptp::make(root), address, host_capabilities);
}

}  // namespace kurma::ept::testing
