// A stretch of work that is timed, and what its `work` line says.
#pragma once

#include <optional>
#include <string>

#include "line.hpp"

namespace kurma::work {

/// A word of the environment; where we are and how large the work is stand there (KURMA_WHERE, KURMA_SIZE).
std::string environment(const char* name);

/// Begins where it is made. In an L2 the counts are L1's to ask for, and it learns from a mark when: the
/// words that it adds come after whatever the line has.
class Stretch {
  public:
    Stretch();

    /// Ends it: its line, with the counts where Kurma is right below us.
    std::string end(const std::string& name) const;

  private:
    std::optional<probe::Counts> counts_;
    u64 begin_;
};

}  // namespace kurma::work
