// mode=info: what the loader gave micro, in words that a test can compare.
#pragma once

#include "boot/multiboot.hpp"

namespace micro {

using namespace kit;

// Ranges of the loader's memory map that are called usable memory and touch [base, base + size).
u64 usable_ranges_touching(u64 base, u64 size);
void remember_boot_information(const multiboot::Information& information);

void print_boot_information(const multiboot::Information& information);

}  // namespace micro
