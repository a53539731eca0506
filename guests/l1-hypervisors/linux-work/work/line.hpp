// The words that a `work` line is made of, and the marks by which an L2 tells its L1 when a workload begins
// and ends.
#pragma once

#include <ept/integer.hpp>
#include <string>

#include "kurma.hpp"

namespace kurma::work {

/// One byte each on L2's console: a whole line there costs L1 a hundred exits, which would be counted.
inline constexpr char begin_mark = '\x01';
inline constexpr char end_mark = '\x02';

/// `work name=compile where=guest size=quick ticks=N`
std::string work_line(const std::string& name, const std::string& where, const std::string& size, u64 ticks);

/// ` exits=N vmread=N ... l1=N kept=N reflected=N`: what L0 has executed between two counts, and of the exits
/// those of L1, those of L2 that L0 kept, those that it reflected to L1.
std::string counts_words(const probe::Counts& begin, const probe::Counts& end);

}  // namespace kurma::work
