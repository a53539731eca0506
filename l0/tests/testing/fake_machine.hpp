// The machine that L0's sources meet in a host test: memory behind the direct map, a log that is kept, and
// ends of a run that are exceptions.
//
// Memory that the code under test must not touch is poisoned: AddressSanitizer stops at the first such byte.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "boot/multiboot.hpp"
#include "mm/direct_map.hpp"

namespace kurma::l0 {

/// L0 has refused; the line without Kurma's prefix.
struct Refused {
    std::string line;
};

/// L0's own CHECK has failed.
struct Panicked {
    std::string what;
};

using Bytes = std::vector<u8>;

class FakeMachine {
  public:
    static constexpr u64 mib = u64{1} << 20;
    static constexpr u64 low_end = 0x9f000, high_start = mib, modules_at = 4 * mib;

    /// As much memory; the map has it from 0 to 9F000h and from 1 MiB on. All of that may be touched. What
    /// lies below the modules is filled with 5Ah.
    explicit FakeMachine(u64 size = 64 * mib);
    ~FakeMachine();
    FakeMachine(const FakeMachine&) = delete;
    FakeMachine& operator=(const FakeMachine&) = delete;

    void put(u64 at, const Bytes& bytes);
    Bytes get(u64 at, u64 size) const;
    u32 word(u64 at) const;
    std::string text(u64 at) const;
    void forbid(u64 at, u64 size);
    void allow(u64 at, u64 size);

    /// Takes the highest `size` bytes out of the map, as L0 does, and forbids them.
    void keep_for_l0(u64 size);
    /// Puts a module into memory behind the ones before it, beginning at `modules_at`, and forbids the rest
    /// of its last page.
    boot::Module& add_module(const Bytes& bytes, std::string_view command_line = "");

    boot::BootInfo info{};
    u64 kept_from() const { return kept_from_; }

  private:
    u64 size_, kept_from_, next_module_ = modules_at;
};

void set_text(boot::Text& out, std::string_view text);

/// What `action` is refused with; empty if it is not.
template <class Action>
std::string refusal_of(Action action) {
    try {
        action();
    } catch (const Refused& refused) {
        return refused.line;
    }
    return "";
}

inline void expect_starts_with(const std::string& text, std::string_view start) {
    EXPECT_EQ(start.empty() ? text : text.substr(0, start.size()), start);
}

}  // namespace kurma::l0
