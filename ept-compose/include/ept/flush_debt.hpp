// What a change of tables leaves to be done: the processor may still hold the old translation, and does so
// until someone executes INVEPT for the context.
//
// Out:  one per change, to be paid before the context runs again.
// Laws: a debt is paid exactly once; in hosted debug builds one that is destroyed unpaid ends the program.
// SDM:  3C 29.4.3.1, 29.4.3.4 (when software must invalidate, and when an EPT violation has done so already).
#pragma once

#include <ept/integer.hpp>
#include <utility>

namespace kurma::ept {

class [[nodiscard]] FlushDebt {
  public:
    [[nodiscard]] static constexpr FlushDebt none() { return FlushDebt{false}; }
    [[nodiscard]] static constexpr FlushDebt this_context() { return FlushDebt{true}; }

    constexpr FlushDebt(FlushDebt&& other) noexcept : owed_(std::exchange(other.owed_, false)) {}
    FlushDebt(const FlushDebt&) = delete;
    FlushDebt& operator=(const FlushDebt&) = delete;
    // An assignment could lose the debt that was there; absorb() keeps both.
    FlushDebt& operator=(FlushDebt&&) = delete;

#if __STDC_HOSTED__ && !defined(NDEBUG)
    constexpr ~FlushDebt() {
        if (owed_) __builtin_trap();
    }
#else
    ~FlushDebt() = default;
#endif

    [[nodiscard]] constexpr bool owed() const { return owed_; }

    constexpr void absorb(FlushDebt other) { owed_ |= std::exchange(other.owed_, false); }

    // Calls the payer, which executes INVEPT, if there is anything to pay.
    template <class Payer>
    constexpr void pay(Payer&& payer) {
        if (std::exchange(owed_, false)) std::forward<Payer>(payer)();
    }

    // For a test that looks at the debt and has no processor to flush.
    constexpr void forgive_in_test() { owed_ = false; }

  private:
    constexpr explicit FlushDebt(bool owed) : owed_(owed) {}

    bool owed_;
};

}  // namespace kurma::ept
