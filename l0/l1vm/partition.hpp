// An L1's memory: which machine memory is its own, and ept01, by which the processor knows it.
//
// In:    the machine's memory map and what L0 keeps.
// Out:   translations of L1's addresses; ept01, complete for memory, filled on demand for devices.
// Never: gives out an address of L0's memory.
// Laws:  translate() and ept01 agree on memory, but for pages that are watched. Nothing assumes that an L1Gpa
// equals the Hpa behind it but `add_memory`'s
//        caller, which decides where memory lies.
#pragma once

#include <array>
#include <ept/table.hpp>
#include <optional>

#include "../mm/own_tables.hpp"
#include "ept_world.hpp"
#include "watched_pages.hpp"

namespace kurma::l0::l1vm {

/// What became of a first touch outside of the memory that ept01 maps from the start.
enum class DemandMap : u8 { mapped, l0_memory, no_such_address, out_of_tables };

class Partition {
  public:
    struct Stretch {
        ept::L1Gpa first{0};
        u64 size = 0;
        ept::Hpa host{0};
    };
    static constexpr usize capacity = mm::MemoryMap::capacity;

    /// Makes ept01 from the available ranges of `map`, each at its own address.
    void init(mm::Pages& pages, const mm::MemoryMap& map, const mm::Reserved& kept,
              const ept::Capabilities& host);

    /// Where L1's memory at an address lies; nothing for devices, holes and L0's own memory. Most addresses
    /// are in the first stretch, which is the largest.
    [[gnu::always_inline]] std::optional<ept::Hpa> translate(ept::L1Gpa address) const {
        const u64 offset = address.value() - stretches_[0].first.value();
        if (offset < stretches_[0].size) [[likely]]
            return stretches_[0].host + offset;
        // Not an optional, which would be made in memory here and there.
        const ept::Hpa host = translate_in_others(address);
        if (host == nowhere) return std::nullopt;
        return host;
    }

    /// The same, for one who is about to write there before the guest runs on: whoever watches the page is to
    /// know. All writes of L0 to L1's memory, and of the processor by addresses that L0 gives it, start here.
    [[gnu::always_inline]] std::optional<ept::Hpa> translate_for_write(ept::L1Gpa address) {
        if (watched_.may_know(address)) [[unlikely]]
            watched_.touched(address);
        return translate(address);
    }

    struct [[nodiscard]] Watching {
        /// None: the page is no memory, or nothing that is worth it or that there are tables for.
        WatchedPages::Ticket ticket{};
        /// Of ept01.
        ept::FlushDebt debt = ept::FlushDebt::none();
        /// Ept02s may still have the page: they are to be dropped before it is looked at.
        bool shadowed = false;
    };
    /// Takes a 4K page from L1 until somebody touches it. `clock` counts exits.
    Watching watch(EptWorld& world, ept::L1Gpa page, u64 clock);
    /// L1 may read a page that is watched, and goes on being watched (WatchedPages::read_by_l1).
    bool let_l1_read(ept::L1Gpa address) { return watched_.read_by_l1(address); }
    const WatchedPages& watched() const { return watched_; }
    void watch_nothing() { watched_.forget_all(); }
    /// An ept02 is about to be given what this leaf allows. A larger one holds no page that was ever watched.
    void note_shadowed(ept::L1Gpa address, const ept::Leaf<ept::Space::host>& leaf01) {
        if (leaf01.size == ept::PageSize::k4 && watched_.may_know(address)) [[unlikely]]
            watched_.note_shadowed(address);
    }

    /// Maps a device page that L1 touches for the first time, uncacheable, at its own address.
    DemandMap map_on_demand(EptWorld& world, ept::L1Gpa address);

    const Stretch& largest_stretch() const { return stretches_[0]; }
    ept::Eptp eptp01() const { return ept::Eptp::make(root_); }
    ept::Hpa root() const { return root_; }

  private:
    static constexpr ept::Hpa nowhere{~u64{0}};

    ept::Hpa translate_in_others(ept::L1Gpa address) const;
    ept::Hpa entry01(EptWorld& world, ept::L1Gpa page) const;
    void add_memory(EptWorld& world, ept::L1Gpa first, ept::Hpa host, u64 size);

    std::array<Stretch, capacity> stretches_{};
    usize count_ = 0;
    ept::Hpa root_{0};
    mm::Reserved kept_{};
    ept::Capabilities host_{};
    WatchedPages watched_{};
    /// So many large pages of ept01 may still be split for watching: tables that L1 cannot make L0 give up.
    usize splits_left_ = 128;
};

inline std::optional<u64> EptWorld::read_entry(ept::L1Gpa at) const {
    const Partition::Stretch& most = partition_.largest_stretch();
    const u64 offset = at.value() - most.first.value();
    if (offset < most.size) [[likely]]
        return *mm::at<volatile u64>(most.host + offset);
    return read_entry_elsewhere(at);
}

inline std::optional<ept::Leaf<ept::Space::host>> EptWorld::walk01(ept::L1Gpa at) {
    const auto leaf = ept::lookup(*this, partition_.root(), at);
    if (leaf) partition_.note_shadowed(at, *leaf);
    return leaf;
}

}  // namespace kurma::l0::l1vm
