// work: times whole workloads, and has Kurma's totals written beside them.
//
// work time NAME COMMAND... runs the command and prints its `work` line.
//
// work follow is for L1: it passes on what its L2 prints, and adds Kurma's totals to the `work` lines.
//
// work ticks prints the time-stamp counter.
//
// work drain returns when the console has sent all that was written to it (to be done before a power-off).
#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstdio>
#include <string_view>

#include "follow.hpp"
#include "time.hpp"

int main(int count, char** words) {
    const std::string_view command = count > 1 ? words[1] : "";
    if (command == "time" && count > 3) return kurma::work::time_command(words[2], words + 3);
    if (command == "follow" && count == 2) return kurma::work::follow_input();
    if (command == "ticks" && count == 2) return std::printf("%llu\n", __rdtsc()) > 0 ? 0 : 1;
    if (command == "drain" && count == 2) return tcdrain(STDOUT_FILENO) == 0 ? 0 : 1;
    std::puts("usage: work time NAME COMMAND... | follow | ticks | drain");
    return 2;
}
