// Where words go: L0's log, or a piece of memory with an end. The same writers serve both.
#pragma once

#include <concepts>
#include <ept/integer.hpp>
#include <string_view>

namespace kurma::l0 {

/// A number to be printed in hexadecimal.
struct Hex {
    u64 value;
};

class Out {
  public:
    /// To the log.
    Out() = default;
    /// To memory. What does not fit is left out, and was_cut says so.
    Out(char* begin, usize capacity) : begin_{begin}, capacity_{capacity} {}

    [[gnu::noinline]] void put(char c);
    [[gnu::noinline]] void put(std::string_view text);
    void put(const char* text) { put(std::string_view{text}); }
    [[gnu::noinline]] void put(Hex number);
    void put(std::unsigned_integral auto number) { put_decimal(number); }
    [[gnu::noinline]] void put_decimal(u64 number);
    /// Text on the left, a number on the right of a column of `width` characters.
    void put_left(std::string_view text, usize width);
    void put_right(u64 number, usize width);

    template <class... Parts>
    void words(const Parts&... parts) {
        (put(parts), ...);
    }

    usize length() const { return length_; }
    bool was_cut() const { return cut_; }

  private:
    char* begin_ = nullptr;
    usize capacity_ = 0, length_ = 0;
    bool cut_ = false;
};

}  // namespace kurma::l0
