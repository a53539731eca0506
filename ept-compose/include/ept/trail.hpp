// The walk of one ept12 after another near the same place: cheap while L1 leaves the tables above alone.
//
// In:    as for a walk (walk.hpp).
// Out:   what a walk from the root would come to.
// Never: takes an entry's word from an earlier walk: each is read again, once, and only what it led to then
//        is known already if it still says the same.
#pragma once

#include <ept/walk.hpp>

namespace kurma::ept {

template <Space Out, Space In>
class Trail {
  public:
    // Where the new walk leaves the last one: at the last level, whose entry is not read yet; at an entry
    // above that says something else now; or, above_root, at once.
    struct Fork {
        unsigned level;
        std::optional<u64> bits;
    };
    static constexpr unsigned above_root = root_level + 1;

    // Whether the last walk came to a table of the last level, which serves this address too.
    [[nodiscard]] constexpr bool serves(Eptp eptp, Address<In> address) const {
        return address.value() >> shift_at(last_level + 1) == region_ && eptp == eptp_;
    }

    template <ReadableEntries<Out> Memory>
    [[nodiscard]] [[gnu::always_inline]] constexpr Fork follow(Memory& memory, Eptp eptp,
                                                               Address<In> address) const {
        if (!serves(eptp, address)) [[unlikely]]
            return {.level = above_root, .bits = {}};
#pragma GCC unroll 3
        for (unsigned level = root_level; level > last_level; --level) {
            const std::optional<u64> bits = memory.read_entry(steps_.address_at(level));
            if (bits != steps_.entry_at(level).bits()) [[unlikely]]
                return {.level = level, .bits = bits};
        }
        return {.level = last_level, .bits = {}};
    }

    // The rest of a walk that forked at the last level.
    template <ReadableEntries<Out> Memory>
    [[nodiscard]] [[gnu::always_inline]] constexpr Walk<Out> walk_last(Memory& memory, Address<In> address,
                                                                       const EntryRules& rules) {
        const Address<Out> at = table_ + entry_offset(address.value(), last_level);
        steps_.note_address(last_level, at);
        return walk_on<Out>(memory, steps_, last_level, memory.read_entry(at), above_, address, rules);
    }

    // The rest of a walk that forked higher.
    template <ReadableEntries<Out> Memory>
    [[nodiscard]] constexpr Walk<Out> walk_rest(Memory& memory, Fork fork, Eptp eptp, Address<In> address,
                                                const EntryRules& rules) {
        if (fork.level == above_root) {
            eptp_ = eptp;
            return keep(walk<Out>(memory, eptp, address, rules, steps_), address);
        }
        Access above = Access::all;
        for (unsigned i = root_level; i > fork.level; --i) above = above & steps_.entry_at(i).access();
        return keep(walk_on<Out>(memory, steps_, fork.level, fork.bits, above, address, rules), address);
    }

    // The steps of the last walk.
    [[nodiscard]] constexpr Steps<Out>& steps() { return steps_; }

  private:
    static constexpr u64 nowhere = ~u64{0};

    // What came to the last level can be gone again.
    constexpr Walk<Out> keep(const Walk<Out>& walked, Address<In> address) {
        region_ = walked.level == last_level ? address.value() >> shift_at(last_level + 1) : nowhere;
        if (region_ == nowhere) return walked;
        above_ = Access::all;
        for (unsigned level = root_level; level > last_level; --level)
            above_ = above_ & steps_.entry_at(level).access();
        table_ = walked.last_entry.page();
        return walked;
    }

    Steps<Out> steps_;
    u64 region_ = nowhere;  // the part of L2's memory that the table of the last level serves
    Eptp eptp_{};
    Address<Out> table_{};
    Access above_{};
};

}  // namespace kurma::ept
