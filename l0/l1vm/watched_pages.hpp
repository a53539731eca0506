// Pages of L1's memory from which L0 has made something that is good only until the page changes.
//
// In:    pages to watch; every write to L1's memory by L0 itself; every violation of ept01 in memory.
// Out:   tickets: whether a page is as it was when its ticket was given.
// Never: keeps anybody from a page. Whoever reaches for it gets it back, and its tickets are void.
// Laws:  while a ticket is good, neither L1 nor an L2 nor L0 has written the page since it was given.
// SDM:   3C 29.4.3.3 (which change of an EPT entry asks for INVEPT).
//
// A watched page is not present in ept01 at first, nor in what is made of ept01: ept02s. To take only the
// right to write would be enough by the manual; but Bochs 2.7 asks EPT only for the right to read a page
// table, and then sets accessed and dirty flags there. So L1 gets the right to read with its first read as
// data, which a page table rarely sees, and a bitmap does: Linux KVM reads its MSR bitmap before each entry.
// Devices of L1's write memory without asking ept01; they are not seen.
#pragma once

#include <array>
#include <ept/shadow.hpp>

#include "../mm/direct_map.hpp"

namespace kurma::l0::l1vm {

class WatchedPages {
  public:
    static constexpr usize capacity = 64;

    struct Ticket {
        ept::L1Gpa page{};
        u32 index = 0;
        /// 0: none.
        u64 number = 0;
    };

    /// Changes whenever a ticket becomes void; never 0.
    [[gnu::always_inline]] u64 revision() const { return revision_; }
    [[gnu::always_inline]] bool good(const Ticket& ticket) const {
        return ticket.number != 0 && watches_[ticket.index].ticket == ticket.number;
    }
    /// False: no page at this address is known here, which is the common answer.
    [[gnu::always_inline]] bool may_know(ept::L1Gpa address) const {
        return ((filter_ >> (page_number(address) % 64)) & 1) != 0;
    }

    /// The ticket of a page that is watched already; otherwise none.
    Ticket ticket_of(ept::L1Gpa page) const;
    /// Whether to watch a page now: one that was touched soon after it was watched is left alone for a while.
    /// `clock` counts exits.
    bool worth_watching(ept::L1Gpa page, u64 clock);
    /// Whether an ept02 may have the page.
    bool may_be_shadowed(ept::L1Gpa page) const;
    /// Ept01, whose entry for the page is at `leaf`, has it no longer, and the ept02s will not.
    Ticket begin(ept::L1Gpa page, ept::Hpa leaf, u64 clock);
    /// Somebody is about to touch an address: the page is present again, and its tickets are void. No debt
    /// comes of it.
    [[gnu::cold]] void touched(ept::L1Gpa address);
    /// L1 is about to read at an address, as data. If the page is watched it may, from now on; true then.
    [[gnu::cold]] bool read_by_l1(ept::L1Gpa address);
    /// An ept02 is about to have the page at an address, which is not watched any longer.
    [[gnu::cold]] void note_shadowed(ept::L1Gpa address);
    /// All pages are present, and nothing is known of any.
    void forget_all();

  private:
    struct Watch {
        ept::L1Gpa page{};
        ept::Hpa leaf{};
        /// 0: the page is present.
        u64 ticket = 0;
        u64 since = 0;
        u32 left_alone = 0;
        bool shadowed = false;
    };
    static constexpr u64 page_number(ept::L1Gpa address) { return address.value() >> 12; }
    static constexpr u64 filter_bit(ept::L1Gpa page) { return u64{1} << (page_number(page) % 64); }

    Watch* find(ept::L1Gpa page);
    const Watch* find(ept::L1Gpa page) const { return const_cast<WatchedPages*>(this)->find(page); }
    Watch& add(ept::L1Gpa page);
    void end(Watch& watch);

    u64 filter_ = 0;
    u64 revision_ = 1;
    u64 last_ticket_ = 0;
    usize count_ = 0, next_to_go_ = 0;
    std::array<Watch, capacity> watches_{};
};

}  // namespace kurma::l0::l1vm
