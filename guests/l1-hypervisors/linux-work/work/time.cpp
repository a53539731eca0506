#include "time.hpp"

#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "line.hpp"

namespace kurma::work {
namespace {

// After a mark L1 needs the processor to read it: this Linux is idle that long.
constexpr useconds_t time_for_l1 = 50'000;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// In an L2 the totals are L1's to ask for, and it learns from the mark when. Where Kurma is below us we ask
// ourselves.
std::optional<probe::Counts> boundary(char mark, bool in_guest) {
    if (!in_guest) return probe::count();
    std::putchar(mark);
    std::fflush(stdout);
    tcdrain(STDOUT_FILENO);
    usleep(time_for_l1);
    return std::nullopt;
}

// The command's exit status; of one that a signal ended, what a shell makes of it.
int run(char** command) {
    const pid_t child = vfork();
    if (child == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int time_command(const char* name, char** command) {
    const std::string where = environment("KURMA_WHERE");
    const bool in_guest = where == "guest";
    const std::optional<probe::Counts> before = boundary(begin_mark, in_guest);
    const u64 begin = __rdtsc();
    const int status = run(command);
    const u64 ticks = __rdtsc() - begin;
    const std::optional<probe::Counts> after = boundary(end_mark, in_guest);
    if (status != 0) {
        std::printf("work: ERROR: %s ended with status %d\n", name, status);
        return status;
    }
    std::string line = work_line(name, where, environment("KURMA_SIZE"), ticks);
    if (before && after) line += counts_words(*before, *after);
    std::puts(line.c_str());
    return 0;
}

}  // namespace kurma::work
