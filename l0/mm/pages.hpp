// L0's own pages: handed out zeroed, taken back, never more than its reserved memory has.
#pragma once

#include <ept/address.hpp>
#include <optional>

namespace kurma::l0::mm {

class Pages {
  public:
    /// Takes over [begin, end), page-aligned memory of L0's.
    void init(ept::Hpa begin, ept::Hpa end);
    [[nodiscard]] std::optional<ept::Hpa> allocate();
    /// Pages that follow one another, of those that were never handed out; zeroed.
    [[nodiscard]] std::optional<ept::Hpa> allocate_run(u64 pages);
    void free(ept::Hpa page);
    u64 free_pages() const { return free_; }

  private:
    ept::Hpa next_{0}, end_{0};
    /// Freed pages form a list through their first words; 0 ends it.
    u64 list_ = 0;
    u64 free_ = 0;
};

/// A page that L0 cannot do without: running out of memory here is a broken invariant.
ept::Hpa must_allocate(Pages& pages);

}  // namespace kurma::l0::mm
