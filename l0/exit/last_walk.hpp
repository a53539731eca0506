// The last walk of L1's page tables for a memory operand, remembered: L1 uses the same few operands again and
// again.
//
// In:    the registers that select the paging mode, a linear address, an access.
// Out:   the translation, if every entry that the last walk read still has the value that it had.
// Never: answers from memory that L1 may have changed: each entry is read anew, so the answer is the walk's
// own.
#pragma once

#include <array>
#include <x86/linear.hpp>

#include "../mm/direct_map.hpp"

namespace kurma::l0 {

class LastWalk {
  public:
    static constexpr usize capacity = 4;

    /// Where the page of `linear` lies, if it is the one remembered and nothing has changed.
    [[gnu::always_inline]] bool find(const x86::PagingRegisters& regs, u64 linear, x86::DataAccess access,
                                     ept::L1Gpa& address) const {
        if (((linear ^ linear_) >> 12 | (regs.cr3 ^ regs_.cr3) | (regs.cr0 ^ regs_.cr0) |
             (regs.cr4 ^ regs_.cr4) | (regs.efer ^ regs_.efer) | (regs.rflags_ac ^ regs_.rflags_ac)) != 0 ||
            access != access_ || !whole_)
            return false;
        for (const Step& step : steps_)
            if (*step.entry != step.value) return false;
        address = page_ + (linear & 0xfff);
        return true;
    }

    /// The same for a read in 64-bit code, given only CR3 and CR4. None if more would have to be known: where
    /// SMAP asks for RFLAGS.AC, and where an entry forbids execution (EFER.NXE).
    [[gnu::always_inline]] const volatile u8* find_plain(u64 cr3, u64 cr4, u64 linear) const {
        if (((linear ^ linear_) >> 12 | (cr3 ^ plain_cr3_) | (cr4 ^ regs_.cr4)) != 0) return nullptr;
        if (*steps_[0].entry != steps_[0].value || *steps_[1].entry != steps_[1].value ||
            *steps_[2].entry != steps_[2].value || *steps_[3].entry != steps_[3].value)
            return nullptr;
        return memory_ + (linear & 0xfff);
    }

    void begin() {
        count_ = 0;
        whole_ = false;
        plain_cr3_ = no_cr3;
    }
    /// The walk has read an entry.
    void note(ept::Hpa at, u64 value) {
        if (count_ < capacity) steps_[count_] = {mm::at<volatile u64>(at), value};
        ++count_;
    }
    /// The walk has come to its end. One without entries is not remembered.
    void end(const x86::PagingRegisters& regs, u64 linear, x86::DataAccess access, ept::L1Gpa address,
             std::optional<ept::Hpa> memory) {
        whole_ = count_ != 0 && count_ <= capacity;
        // A short walk's entries count twice, so that all walks are of one length.
        for (usize i = count_; i < capacity; ++i) steps_[i] = steps_[0];
        regs_ = regs;
        linear_ = linear;
        access_ = access;
        page_ = ept::L1Gpa{address.value() & ~u64{0xfff}};
        constexpr u64 user = 1u << 2, no_execute = u64{1} << 63;
        u64 all = ~u64{0}, any = 0;
        for (const Step& step : steps_) {
            all &= step.value;
            any |= step.value;
        }
        const bool plain = whole_ && memory && access == x86::DataAccess::read &&
                           (regs.efer & x86::efer::lma) != 0 &&
                           ((all & user) == 0 || (regs.cr4 & x86::cr4::smap) == 0) && (any & no_execute) == 0;
        plain_cr3_ = plain ? regs.cr3 : no_cr3;
        memory_ = plain ? mm::at<volatile u8>(*memory) - (memory->value() & 0xfff) : nullptr;
    }

  private:
    struct Step {
        volatile u64* entry;
        u64 value;
    };
    static constexpr u64 no_cr3 = ~u64{0};

    bool whole_ = false;
    u64 plain_cr3_ = no_cr3;
    const volatile u8* memory_ = nullptr;
    x86::DataAccess access_{};
    usize count_ = 0;
    u64 linear_ = 0;
    x86::PagingRegisters regs_{};
    ept::L1Gpa page_{0};
    std::array<Step, capacity> steps_{};
};

}  // namespace kurma::l0
