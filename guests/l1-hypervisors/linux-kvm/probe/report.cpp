#include "report.hpp"

#include <algorithm>
#include <vector>

namespace kurma::probe {
namespace {

u64 floored(u64 value, u64 subtrahend) { return value > subtrahend ? value - subtrahend : 0; }

}  // namespace

Summary summarize(const volatile u64* samples, u32 count) {
    std::vector<u64> sorted(samples, samples + count);
    std::sort(sorted.begin(), sorted.end());
    return {sorted.front(), sorted[(sorted.size() - 1) / 2], sorted.back()};
}

Summary less(const Summary& summary, u64 empty) {
    return {floored(summary.minimum, empty), floored(summary.median, empty), floored(summary.maximum, empty)};
}

Totals less(const Totals& totals, const Totals& empty) {
    Totals result;
    std::transform(totals.begin(), totals.end(), empty.begin(), result.begin(), floored);
    return result;
}

std::string cost_line(const std::string& operation, u32 count, const Summary& ticks,
                      const std::optional<Totals>& totals) {
    // With a hypervisor below, this L1's guest is an L2; without, KVM is the only one and its guest is at
    // level 1.
    std::string line =
        std::string("cost l1=linux-kvm level=") + (hypervisor_is_below() ? "L2" : "L1") + " op=" + operation;
    line += " n=" + std::to_string(count) + " min=" + std::to_string(ticks.minimum);
    line += " median=" + std::to_string(ticks.median) + " max=" + std::to_string(ticks.maximum);
    for (usize i = 0; totals && i < totals->size(); ++i) {
        line += std::string(" ") + total_names[i] + "=" + std::to_string((*totals)[i]);
    }
    return line;
}

}  // namespace kurma::probe
