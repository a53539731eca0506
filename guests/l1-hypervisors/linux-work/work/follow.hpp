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
    using Count = std::function<std::optional<probe::Counts>()>;

    explicit Follower(Count count) : count_(std::move(count)) {}

    /// What is to be printed for these bytes of the L2's console.
    std::string take(std::string_view bytes);

  private:
    void mark(char byte);
    void end_line(std::string& output);

    Count count_;
    std::string line_;
    std::optional<probe::Counts> begin_, end_;
};

/// From standard input to standard output, until the L2 is gone.
int follow_input();

}  // namespace kurma::work
