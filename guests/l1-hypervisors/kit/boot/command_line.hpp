// The command line: blank-separated `knob=value` words.
#pragma once

#include "base/integer.hpp"

namespace kit {

class CommandLine {
  public:
    explicit CommandLine(const char* text) : text_(text) {}
    const char* text() const { return text_; }
    // Copies the value of `knob` to `value` (cut to fit) and says whether the knob was given.
    bool find(const char* knob, char* value, usize capacity) const;

  private:
    const char* text_;
};

}  // namespace kit
