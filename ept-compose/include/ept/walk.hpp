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

template <Space Out>
class Walk {
  public:
    enum class Outcome : u8 { leaf, not_present, misconfigured, unreachable };

    Outcome outcome = Outcome::not_present;
    unsigned level = root_level;  // of the last entry
    Access effective{};           // of all entries read: bits 5:3 of a violation's qualification
    Leaf<Out> leaf{};             // if the outcome is leaf

    // The entries read, from root_level down to level; where the outcome is unreachable, the last has no
    // bits.
    [[nodiscard]] constexpr Address<Out> address_at(unsigned of) const {
        return Address<Out>{at_[of - last_level]};
    }
    [[nodiscard]] constexpr Entry entry_at(unsigned of) const { return Entry{bits_[of - last_level]}; }
    [[nodiscard]] constexpr Address<Out> last_entry() const { return address_at(level); }

    constexpr void note_address(unsigned of, Address<Out> at) { at_[of - last_level] = at.value(); }
    constexpr void note_entry(unsigned of, Entry entry) { bits_[of - last_level] = entry.bits(); }

  private:
    // Not cleared first: that would cost what a level of the walk costs.
    std::array<u64, root_level> at_;
    std::array<u64, root_level> bits_;
};

template <Space Out, Space In, ReadableEntries<Out> Memory>
[[nodiscard]] constexpr Walk<Out> walk(Memory& memory, Eptp eptp, Address<In> address,
                                       const Capabilities& capabilities) {
    using Outcome = typename Walk<Out>::Outcome;
    Walk<Out> result;
    if (address.value() >> translated_bits != 0) {
        result.note_entry(root_level, Entry{});
        return result;
    }
    result.effective = Access::all;
    Address<Out> table = eptp.root<Out>();
#pragma GCC unroll 4
    for (unsigned level = root_level; level >= last_level; --level) {
        const Address<Out> at = table + entry_offset(address.value(), level);
        result.level = level;
        result.note_address(level, at);
        const std::optional<u64> bits = memory.read_entry(at);
        if (!bits) {
            result.outcome = Outcome::unreachable;
            return result;
        }
        const Entry entry{*bits};
        result.note_entry(level, entry);
        result.effective = result.effective & entry.access();
        if (!entry.present()) return result;
        if (entry.misconfigured(level, capabilities)) {
            result.outcome = Outcome::misconfigured;
            return result;
        }
        table = entry.address<Out>();
        if (entry.leaf(level)) {
            result.outcome = Outcome::leaf;
            result.leaf = {.page = table,
                           .size = size_at(level),
                           .access = result.effective,
                           .memory_type = entry.memory_type(),
                           .ignore_pat = entry.ignore_pat(),
                           .dirty = entry.dirty()};
            return result;
        }
    }
    __builtin_unreachable();  // an entry at the last level is a leaf
}

// Whether every flag that mark_used would set is set already.
template <Space Out>
[[nodiscard]] constexpr bool used_before(const Walk<Out>& walked, Access used) {
    u64 flags = Entry::accessed_bit;
    for (unsigned level = root_level; level >= walked.level; --level) {
        if (level == walked.level && used.includes(Access::write)) flags |= Entry::dirty_bit;
        if ((walked.entry_at(level).bits() & flags) != flags) return false;
    }
    return true;
}

// Sets the accessed flag in every entry of a walk that reached a leaf, and the dirty flag in the leaf if the
// access writes. False if an entry has changed since the walk: then the walk is void, and to be done anew.
template <Space Out, EntryMemory<Out> Memory>
[[nodiscard]] constexpr bool mark_used(Memory& memory, const Walk<Out>& walked, Access used) {
    u64 flags = Entry::accessed_bit;
#pragma GCC unroll 4
    for (unsigned level = root_level; level >= last_level; --level) {
        if (level < walked.level) break;
        if (level == walked.level && used.includes(Access::write)) flags |= Entry::dirty_bit;
        const u64 before = walked.entry_at(level).bits();
        if ((before & flags) == flags) continue;
        if (!memory.compare_exchange_entry(walked.address_at(level), before, before | flags)) return false;
    }
    return true;
}

}  // namespace kurma::ept
