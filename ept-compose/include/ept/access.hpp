// What a translation allows: a set of read, write and execute, in the order in which an EPT entry and the
// qualification of an EPT violation hold them.
//
// SDM: 3C 29.3.2 (bits 2:0 of an entry), 3C 28.2.1 (qualification of an EPT violation, bits 2:0 and 5:3).
#pragma once

#include <ept/integer.hpp>

namespace kurma::ept {

class Access {
  public:
    static const Access none;
    static const Access read;
    static const Access write;
    static const Access execute;
    static const Access all;

    constexpr Access() = default;

    // Takes bits 2:0 and leaves the others.
    [[nodiscard]] static constexpr Access from_bits(u64 bits) {
        return Access{static_cast<u32>(bits & mask)};
    }

    [[nodiscard]] constexpr u64 bits() const { return bits_; }
    [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
    [[nodiscard]] constexpr bool includes(Access wanted) const { return (wanted.bits_ & ~bits_) == 0; }
    [[nodiscard]] constexpr Access without(Access taken) const { return Access{bits_ & ~taken.bits_}; }

    friend constexpr Access operator&(Access a, Access b) { return Access{a.bits_ & b.bits_}; }
    friend constexpr Access operator|(Access a, Access b) { return Access{a.bits_ | b.bits_}; }
    friend constexpr bool operator==(Access, Access) = default;

  private:
    static constexpr u64 mask = 7;
    constexpr explicit Access(u32 bits) : bits_(bits) {}

    u32 bits_ = 0;
};

inline constexpr Access Access::none{0};
inline constexpr Access Access::read{1};
inline constexpr Access Access::write{2};
inline constexpr Access Access::execute{4};
inline constexpr Access Access::all{7};

static_assert((Access::read | Access::write | Access::execute) == Access::all);
static_assert(Access::all.includes(Access::write) && !Access::read.includes(Access::write));
static_assert(Access::none.includes(Access::none) && (Access::read & Access::execute) == Access::none);
static_assert(Access::all.without(Access::write) == (Access::read | Access::execute));

}  // namespace kurma::ept
