#include "stretch.hpp"

#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstdio>
#include <cstdlib>

namespace kurma::work {
namespace {

// After a mark L1 needs the processor to read it: this Linux is idle that long.
constexpr useconds_t time_for_l1 = 50'000;

std::optional<probe::Counts> boundary(char mark) {
    if (environment("KURMA_WHERE") != "guest") return probe::count();
    std::putchar(mark);
    std::fflush(stdout);
    tcdrain(STDOUT_FILENO);
    usleep(time_for_l1);
    return std::nullopt;
}

}  // namespace

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

Stretch::Stretch() : counts_(boundary(begin_mark)), begin_(__rdtsc()) {}

std::string Stretch::end(const std::string& name) const {
    const u64 ticks = __rdtsc() - begin_;
    const std::optional<probe::Counts> after = boundary(end_mark);
    std::string line = work_line(name, environment("KURMA_WHERE"), environment("KURMA_SIZE"), ticks);
    if (counts_ && after) line += counts_words(*counts_, *after);
    return line;
}

}  // namespace kurma::work
