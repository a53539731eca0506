// L1's side of the marks: what the L2 prints is passed on, and its `work` lines get Kurma's totals.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kurma.hpp"

namespace kurma::work {

class Follower {
public:
    using Latch = std::function<std::optional<probe::Totals>()>;

    explicit Follower(Latch latch) : latch_(std::move(latch)) {}

    /// What is to be printed for these bytes of the L2's console.
    std::string take(std::string_view bytes);

private:
    void mark(char byte);
    void end_line(std::string& output);

    Latch latch_;
    std::string line_;
    std::optional<probe::Totals> begin_, end_;
};

/// From standard input to standard output, until the L2 is gone.
int follow_input();

}  // namespace kurma::work
