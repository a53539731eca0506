// How a fuzz target says that something holds, and what it does meanwhile.
//
// A law that is broken ends the program; libFuzzer keeps the input. With KURMA_FUZZ_TELL in the environment
// (as
// `./kurma fuzz TARGET --input FILE` runs it) a target tells each step, which makes an input readable.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ept/integer.hpp>

namespace kurma::fuzz {

inline void law(bool holds, const char* what, const char* file = __builtin_FILE(),
                int line = __builtin_LINE()) {
    if (holds) return;
    std::fprintf(stderr, "%s:%d: broken law: %s\n", file, line, what);
    std::abort();
}

inline void law_equal(u64 is, u64 expected, const char* what, const char* file = __builtin_FILE(),
                      int line = __builtin_LINE()) {
    if (is == expected) return;
    std::fprintf(stderr, "%s:%d: broken law: %s: is %#lx, should be %#lx\n", file, line, what, is, expected);
    std::abort();
}

[[gnu::format(printf, 1, 2)]] inline void tell(const char* format, ...) {
    static const bool wanted = std::getenv("KURMA_FUZZ_TELL") != nullptr;
    if (!wanted) return;
    va_list values;
    va_start(values, format);
    std::vfprintf(stderr, format, values);
    va_end(values);
    std::fputc('\n', stderr);
}

}  // namespace kurma::fuzz
