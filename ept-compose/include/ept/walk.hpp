// The walk of any EPT, from a guest's address to the page behind it, as the processor does it.
//
// In:    memory that holds the tables, an EPT pointer found valid, an address, what the processor offers.
// Out:   the leaf; or which entry ended the walk, and why.
// Never: reads an entry twice (its owner may change it meanwhile); writes, but through mark_used.
// Laws:  an entry that L1 changes while we look is seen as before or as after, never as both.
// SDM:   3C 29.3.2, 29.3.3 (faults), 29.3.5 (accessed and dirty flags).
#pragma once

#include <array>
#include <concepts>
#include <ept/entry.hpp>
#include <ept/eptp.hpp>
#include <optional>

namespace kurma::ept {

// nullopt: no memory lies there.
template <class Memory, Space Tables>
concept ReadableEntries = requires(Memory& memory, Address<Tables> at) {
    { memory.read_entry(at) } -> std::same_as<std::optional<u64>>;
};

// compare_exchange_entry is atomic. It is false if, and only if, the entry did not hold what was expected. A
// write that the memory swallows (as ROM would) counts as done.
template <class Memory, Space Tables>
concept EntryMemory = ReadableEntries<Memory, Tables> &&
    requires(Memory& memory, Address<Tables> at, u64 bits) {
    { memory.compare_exchange_entry(at, bits, bits) } -> std::same_as<bool>;
};

template <Space Out>
struct Leaf {
    Address<Out> page{};  // aligned to its size
    PageSize size = PageSize::k4;
    Access access{};  // what every entry on the way allows
    MemoryType memory_type = MemoryType::wb;
    bool ignore_pat = false;
    bool dirty = false;  // the flag in the leaf entry, whether or not the EPT pointer gives it a meaning
};

// The entries that a walk has read, from root_level down to the one that ended it.
template <Space Out>
class Steps {
  public:
    [[nodiscard]] constexpr Address<Out> address_at(unsigned level) const {
        return Address<Out>{at_[level - last_level]};
    }
    [[nodiscard]] constexpr Entry entry_at(unsigned level) const { return Entry{bits_[level - last_level]}; }

    constexpr void note_address(unsigned level, Address<Out> at) { at_[level - last_level] = at.value(); }
    constexpr void note_entry(unsigned level, Entry entry) { bits_[level - last_level] = entry.bits(); }

  private:
    std::array<u64, root_level> at_{};
    std::array<u64, root_level> bits_{};
};

// What a walk came to.
template <Space Out>
struct Walk {
    enum class Outcome : u8 { leaf, not_present, misconfigured, unreachable };

    Outcome outcome = Outcome::not_present;
    unsigned level = root_level;  // of the last entry
    Access effective{};           // of all entries read: bits 5:3 of a violation's qualification
    Leaf<Out> leaf{};             // if the outcome is leaf
    Address<Out> last_entry{};
    Entry last{};  // no bits where the outcome is unreachable
};

// Goes on from an entry whose bits have just been read, or could not be. The steps above it are noted
// already, and so is this entry's address.
template <Space Out, Space In, ReadableEntries<Out> Memory>
[[gnu::always_inline]] constexpr Walk<Out> walk_on(Memory& memory, Steps<Out>& steps, unsigned from,
                                                   std::optional<u64> bits, Access above, Address<In> address,
                                                   const EntryRules& rules) {
    using Outcome = typename Walk<Out>::Outcome;
    Address<Out> at = steps.address_at(from);
#pragma GCC unroll 4
    for (unsigned level = from; level >= last_level; --level) {
        if (!bits)
            return {.outcome = Outcome::unreachable, .level = level, .effective = above, .last_entry = at};
        const Entry entry{*bits};
        steps.note_entry(level, entry);
        above = above & entry.access();
        const auto ended = [&](Outcome outcome) {
            return Walk<Out>{
                .outcome = outcome, .level = level, .effective = above, .last_entry = at, .last = entry};
        };
        if (rules.ends_walk(entry, level)) [[unlikely]]
            return ended(entry.present() ? Outcome::misconfigured : Outcome::not_present);
        if (entry.leaf(level)) {
            Walk<Out> result = ended(Outcome::leaf);
            result.leaf = {.page = entry.address<Out>(),
                           .size = size_at(level),
                           .access = above,
                           .memory_type = entry.memory_type(),
                           .ignore_pat = entry.ignore_pat(),
                           .dirty = entry.dirty()};
            return result;
        }
        at = entry.address<Out>() + entry_offset(address.value(), level - 1);
        steps.note_address(level - 1, at);
        bits = memory.read_entry(at);
    }
    __builtin_unreachable();  // an entry at the last level is a leaf
}

template <Space Out, Space In, ReadableEntries<Out> Memory>
[[nodiscard]] constexpr Walk<Out> walk(Memory& memory, Eptp eptp, Address<In> address,
                                       const EntryRules& rules, Steps<Out>& steps) {
    if (address.value() >> translated_bits != 0) return {};
    const Address<Out> at = eptp.root<Out>() + entry_offset(address.value(), root_level);
    steps.note_address(root_level, at);
    return walk_on<Out>(memory, steps, root_level, memory.read_entry(at), Access::all, address, rules);
}

template <Space Out, Space In, ReadableEntries<Out> Memory>
[[nodiscard]] constexpr Walk<Out> walk(Memory& memory, Eptp eptp, Address<In> address,
                                       const EntryRules& rules) {
    Steps<Out> steps;
    return walk<Out>(memory, eptp, address, rules, steps);
}

// Whether every flag that mark_used would set is set already.
template <Space Out>
[[nodiscard]] constexpr bool used_before(const Steps<Out>& steps, unsigned leaf_level, Access used) {
    u64 flags = Entry::accessed_bit;
    for (unsigned level = root_level; level >= leaf_level; --level) {
        if (level == leaf_level && used.includes(Access::write)) flags |= Entry::dirty_bit;
        if ((steps.entry_at(level).bits() & flags) != flags) return false;
    }
    return true;
}

// Sets the accessed flag in every entry of a walk that reached a leaf, and the dirty flag in the leaf if the
// access writes; the steps then say so too. False if an entry has changed since the walk: then the walk is
// void, and to be done anew.
template <Space Out, EntryMemory<Out> Memory>
[[nodiscard]] constexpr bool mark_used(Memory& memory, Steps<Out>& steps, unsigned leaf_level, Access used) {
    u64 flags = Entry::accessed_bit;
    for (unsigned level = root_level; level >= leaf_level; --level) {
        if (level == leaf_level && used.includes(Access::write)) flags |= Entry::dirty_bit;
        const u64 before = steps.entry_at(level).bits();
        if ((before & flags) == flags) continue;
        if (!memory.compare_exchange_entry(steps.address_at(level), before, before | flags)) return false;
        steps.note_entry(level, Entry{before | flags});
    }
    return true;
}

}  // namespace kurma::ept
