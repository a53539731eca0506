// From samples and totals to the `cost` line that the front door reads.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "kurma.hpp"

namespace kurma::probe {

struct Summary {
    u64 minimum;
    u64 median;
    u64 maximum;
};

// Sorts a copy. The median of an even number is the lower one of the two in the middle: a value that was
// measured.
Summary summarize(const volatile u64* samples, u32 count);

// Each value less what an empty measurement costs, but never below 0.
Summary less(const Summary& summary, u64 empty);
Counts less(const Counts& counts, const Counts& empty);

std::string cost_line(const std::string& operation, u32 count, const Summary& ticks,
                      const std::optional<Totals>& totals);

// The exits of all repetitions together, by kind and number of the reason, without those of which there were
// none.
std::string kinds_line(const std::string& operation, u32 count, const ExitKinds& kinds);

}  // namespace kurma::probe
