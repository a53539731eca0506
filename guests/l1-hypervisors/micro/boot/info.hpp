// mode=info: what the loader gave micro, in words that a test can compare.
#pragma once

#include "boot/multiboot.hpp"

namespace micro {

void print_boot_information(const multiboot::Information& information);

}  // namespace micro
