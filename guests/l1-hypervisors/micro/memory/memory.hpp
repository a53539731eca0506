// mode=memory: an L2 touches memory that it has not touched before, a page at a time, and L1 has mapped it in
// EPT12 or maps it then.
#pragma once

#include "boot/command_line.hpp"
#include "boot/multiboot.hpp"

namespace micro {

using namespace kit;

// Knobs of the command line: leaf=4k|2m, mapped=before|on-demand (both of each if not told), pages=N (of 4
// KiB, 16384 if not told).
void print_memory(const CommandLine& command_line, const multiboot::Information& information);

}  // namespace micro
