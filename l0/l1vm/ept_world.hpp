// The world in which EPTs of L0 are built: table pages are L0's own, ept12's entries are L1's memory.
#pragma once

#include <ept/shadow.hpp>

#include "../mm/direct_map.hpp"
#include "../mm/pages.hpp"

namespace kurma::l0::l1vm {

class Partition;

class EptWorld {
  public:
    EptWorld(mm::Pages& pages, Partition& partition) : pages_(pages), partition_(partition) {}

    u64 load(ept::Hpa at) { return *mm::at<volatile u64>(at); }
    void store(ept::Hpa at, u64 bits) { *mm::at<volatile u64>(at) = bits; }
    std::optional<ept::Hpa> allocate_table() { return pages_.allocate(); }
    void free_table(ept::Hpa table) { pages_.free(table); }

    /// One entry of ept12, read once. All ones where L1 has no memory.
    [[gnu::always_inline]] std::optional<u64> read_entry(ept::L1Gpa at) const;
    bool compare_exchange_entry(ept::L1Gpa at, u64 expected, u64 desired);
    [[gnu::always_inline]] std::optional<ept::Leaf<ept::Space::host>> walk01(ept::L1Gpa at);

  private:
    u64 read_entry_elsewhere(ept::L1Gpa at) const;

    mm::Pages& pages_;
    Partition& partition_;
};

}  // namespace kurma::l0::l1vm
