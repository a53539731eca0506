// A line in the making. A hypervisor below may print between two bytes of ours, so a line is put together
// here and printed at once.
#pragma once

#include "console/console.hpp"

namespace conformance {

using namespace kit;

// What does not fit is cut off and the text ends in "...", which no comparison can overlook.
class Text {
  public:
    template <typename... Parts>
    explicit Text(const Parts&... parts) {
        append(parts...);
    }

    template <typename... Parts>
    void append(const Parts&... parts) {
        (add(parts), ...);
    }

    const char* characters() const { return characters_; }
    bool is_empty() const { return length_ == 0; }

  private:
    static constexpr usize capacity = 600;

    void add(char character);
    void add(const char* text);
    void add(u64 value);
    void add(u32 value) { add(u64{value}); }
    void add(Hex value);
    void add(const Text& text) { add(text.characters()); }

    char characters_[capacity] = {};
    usize length_ = 0;
};

}  // namespace conformance
