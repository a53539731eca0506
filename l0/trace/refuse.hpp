// The machine, the payload or a knob is not one that Kurma can run with.
#pragma once

#include "log.hpp"
#include "panic.hpp"

namespace kurma::l0 {

/// One line that says what is wrong and what to do; then the run ends.
template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
    log::line("refused: ", parts...);
    end_run(End::refused);
}

}  // namespace kurma::l0
