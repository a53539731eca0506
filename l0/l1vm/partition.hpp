// An L1's memory: which machine memory is its own, and ept01, by which the processor knows it.
//
// In:    the machine's memory map and what L0 keeps.
// Out:   translations of L1's addresses; ept01, complete for memory, filled on demand for devices.
// Never: gives out an address of L0's memory.
// Laws:  translate() and ept01 agree on memory. Nothing assumes that an L1Gpa equals the Hpa behind it but
// `add_memory`'s
//        caller, which decides where memory lies.
#pragma once

#include <array>
#include <ept/table.hpp>
#include <optional>

#include "../mm/own_tables.hpp"
#include "ept_world.hpp"

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

    /// Where L1's memory at an address lies; nothing for devices, holes and L0's own memory.
    [[gnu::always_inline]] std::optional<ept::Hpa> translate(ept::L1Gpa address) const {
        for (usize i = 0; i < count_; ++i) {
            const u64 offset = address.value() - stretches_[i].first.value();
            if (offset < stretches_[i].size) return stretches_[i].host + offset;
        }
        return std::nullopt;
    }

    /// Maps a device page that L1 touches for the first time, uncacheable, at its own address.
    DemandMap map_on_demand(EptWorld& world, ept::L1Gpa address);

    ept::Eptp eptp01() const { return ept::Eptp::make(root_); }
    ept::Hpa root() const { return root_; }

  private:
    void add_memory(EptWorld& world, ept::L1Gpa first, ept::Hpa host, u64 size);

    std::array<Stretch, capacity> stretches_{};
    usize count_ = 0;
    ept::Hpa root_{0};
    mm::Reserved kept_{};
    ept::Capabilities host_{};
};

}  // namespace kurma::l0::l1vm
