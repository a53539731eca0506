#include "report.hpp"

#include <algorithm>
#include <vector>

namespace kurma::probe {
namespace {

u64 floored(u64 value, u64 subtrahend) { return value > subtrahend ? value - subtrahend : 0; }

// With a hypervisor below, this L1's guest is an L2; without, KVM is the only one and its guest is at
// level 1.
std::string line_begin(const std::string& word, const std::string& operation, u32 count) {
    return word + " l1=linux-kvm level=" + (hypervisor_is_below() ? "L2" : "L1") + " op=" + operation +
           " n=" + std::to_string(count);
}

}  // namespace

Summary summarize(const volatile u64* samples, u32 count) {
    std::vector<u64> sorted(samples, samples + count);
    std::sort(sorted.begin(), sorted.end());
    return {sorted.front(), sorted[(sorted.size() - 1) / 2], sorted.back()};
}

Summary less(const Summary& summary, u64 empty) {
    return {floored(summary.minimum, empty), floored(summary.median, empty), floored(summary.maximum, empty)};
}

Counts less(const Counts& counts, const Counts& empty) {
    Counts result;
    std::transform(counts.totals.begin(), counts.totals.end(), empty.totals.begin(), result.totals.begin(),
                   floored);
    std::transform(counts.kinds.begin(), counts.kinds.end(), empty.kinds.begin(), result.kinds.begin(),
                   floored);
    return result;
}

std::string cost_line(const std::string& operation, u32 count, const Summary& ticks,
                      const std::optional<Totals>& totals) {
    std::string line = line_begin("cost", operation, count) + " min=" + std::to_string(ticks.minimum);
    line += " median=" + std::to_string(ticks.median) + " max=" + std::to_string(ticks.maximum);
    for (usize i = 0; totals && i < totals->size(); ++i) {
        line += std::string(" ") + total_names[i] + "=" + std::to_string((*totals)[i]);
    }
    return line;
}

std::string kinds_line(const std::string& operation, u32 count, const ExitKinds& kinds) {
    std::string line = line_begin("kinds", operation, count);
    for (usize i = 0; i < kinds.size(); ++i) {
        if (kinds[i] == 0) continue;
        line += std::string(" ") + exit_kind_names[i / exit_reason_count] + "." +
                std::to_string(i % exit_reason_count) + "=" + std::to_string(kinds[i]);
    }
    return line;
}

}  // namespace kurma::probe
