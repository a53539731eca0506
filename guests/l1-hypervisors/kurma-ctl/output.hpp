// Text for the standard streams, by Linux's own system call.
#pragma once

#include <ept/integer.hpp>
#include <string_view>

namespace kurma::ctl {

inline constexpr int standard_output = 1, standard_error = 2;

/// False if the text did not get out to its end.
inline bool write_all(int stream, std::string_view text) {
    constexpr long syscall_write = 1, interrupted = -4;
    while (!text.empty()) {
        long written = syscall_write;
        asm volatile("syscall"
                     : "+a"(written)
                     : "D"(stream), "S"(text.data()), "d"(text.size())
                     : "rcx", "r11", "memory");
        if (written == interrupted) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<usize>(written));
    }
    return true;
}

}  // namespace kurma::ctl
