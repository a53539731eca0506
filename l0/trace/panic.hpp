// The end of L0: a broken invariant, dumped by name, in release too.
#pragma once

#include <ept/integer.hpp>

namespace kurma::l0 {

/// How a run ended, as the front door is told.
enum class End : u8 { power_off, reset, l1_death, panic, refused };

/// Says `what`, dumps what is known, ends the machine. Each CHECK calls it: it must not become part of its
/// callers.
[[noreturn, gnu::noinline, gnu::cold]] void panic(const char* what, const char* file, int line);

/// Writes the counters, says how the run ended, and switches the machine off.
[[noreturn, gnu::noinline, gnu::cold]] void end_run(End end);

}  // namespace kurma::l0

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) [[unlikely]]                                               \
            ::kurma::l0::panic("broken invariant: " #condition, __FILE__, __LINE__); \
    } while (false)
