// L1 cannot go on: who, where, the registers, the last turns; then the run ends.
#pragma once

#include "../cpu/cpu.hpp"
#include "panic.hpp"

namespace kurma::l0 {

[[noreturn, gnu::noinline, gnu::cold]] void l1_died(Cpu& cpu, const char* what);
/// With the address or value that it was about.
[[noreturn, gnu::noinline, gnu::cold]] void l1_died(Cpu& cpu, const char* what, u64 value);

}  // namespace kurma::l0
