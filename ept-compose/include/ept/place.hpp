// The one writer of tables of ours: ept01 (table.hpp) and ept02 (shadow.hpp) are both made here.
//
// In:    a root, an address, and the leaf that it shall have, or none.
// Out:   whether there were tables enough, and what is owed to the processor.
// Never: links a table before it is filled; leaves an entry half written.
// Laws:  a present entry is lowered or replaced only against a debt; not-present to present, and more rights
// for the
//        same page, cost none, because the processor forgets a translation that has just faulted (SDM
//        3C 29.4.3.1).
#pragma once

#include <concepts>
#include <ept/flush_debt.hpp>
#include <ept/walk.hpp>
#include <optional>

namespace kurma::ept {

struct [[nodiscard]] Change {
    bool complete;  // false: a table was needed and there was none
    FlushDebt debt;
};

// Where tables come from, and what becomes of those that are cut off. allocate() gives a zeroed one for that
// entry; discard() takes all tables below an entry of that level, which points to them no longer.
template <class Tables>
concept TableStore = requires(Tables& tables, Hpa at, u64 bits, Entry entry, unsigned level) {
    { tables.load(at) } -> std::same_as<u64>;
    tables.store(at, bits);
    { tables.allocate(at) } -> std::same_as<std::optional<Hpa>>;
    tables.discard(entry, level);
};

// What to do with a leaf that covers more than is to be changed: keep what it says of the rest, or forget it
// all.
enum class Obstacle : u8 { split, forget };

// The same translation of a page, with the same rights or more.
[[nodiscard]] constexpr bool only_raises(Entry before, Entry after) {
    constexpr u64 free_to_differ = Access::all.bits() | Entry::accessed_bit | Entry::dirty_bit;
    return ((before.bits() ^ after.bits()) & ~free_to_differ) == 0 &&
           after.access().includes(before.access());
}

// Replaces a leaf by a table of leaves that say the same.
template <TableStore Tables>
[[nodiscard]] constexpr std::optional<Hpa> split(Tables& tables, Hpa at, Entry large, unsigned level) {
    const std::optional<Hpa> table = tables.allocate(at);
    if (!table) return std::nullopt;
    const PageSize size = size_at(level - 1);
    for (u64 i = 0; i < entries_per_table; ++i) {
        const Hpa page = large.address<Space::host>() + i * bytes(size);
        const Entry part =
            Entry::make_leaf(page, size, large.access(), large.memory_type(), large.ignore_pat());
        tables.store(*table + i * sizeof(u64), part.bits());
    }
    return table;
}

// The table of a level that serves an address, made if need be; nothing if there is none left.
template <Obstacle obstacle, TableStore Tables, Space In>
[[nodiscard]] constexpr std::optional<Hpa> reach(Tables& tables, Hpa root, Address<In> address,
                                                 unsigned target, FlushDebt& debt) {
    Hpa table = root;
#pragma GCC unroll 3
    for (unsigned level = root_level; level > last_level; --level) {
        if (level == target) break;
        const Hpa at = table + entry_offset(address.value(), level);
        const Entry entry{tables.load(at)};
        if (entry.present() && !entry.leaf(level)) {
            table = entry.address<Space::host>();
            continue;
        }
        const bool parted = entry.present() && obstacle == Obstacle::split;
        const std::optional<Hpa> fresh = parted ? split(tables, at, entry, level) : tables.allocate(at);
        if (!fresh) return std::nullopt;
        tables.store(at, Entry::make_table(*fresh).bits());
        if (entry.present()) debt.absorb(FlushDebt::this_context());
        table = *fresh;
    }
    return table;
}

// Writes a leaf into the table of its level.
template <TableStore Tables, Space In>
[[gnu::always_inline]] constexpr FlushDebt put(Tables& tables, Hpa table, Address<In> address,
                                               const Leaf<Space::host>& leaf) {
    const unsigned level = level_of(leaf.size);
    const Hpa at = table + entry_offset(address.value(), level);
    const Entry before{tables.load(at)};
    const Entry after =
        Entry::make_leaf(leaf.page, leaf.size, leaf.access, leaf.memory_type, leaf.ignore_pat);
    tables.store(at, after.bits());
    if (!before.present()) [[likely]]
        return FlushDebt::none();
    if (only_raises(before, after)) return FlushDebt::none();
    if (!before.leaf(level)) tables.discard(before, level);
    return FlushDebt::this_context();
}

// Gives the address a leaf. Its page must be aligned to its size.
template <Obstacle obstacle, TableStore Tables, Space In>
constexpr Change place(Tables& tables, Hpa root, Address<In> address, const Leaf<Space::host>& leaf) {
    FlushDebt debt = FlushDebt::none();
    const std::optional<Hpa> table = reach<obstacle>(tables, root, address, level_of(leaf.size), debt);
    if (table) debt.absorb(put(tables, *table, address, leaf));
    return {.complete = table.has_value(), .debt = std::move(debt)};
}

// Takes a page from the address. A larger leaf in the way is split, or goes as a whole.
template <Obstacle obstacle, TableStore Tables, Space In>
constexpr Change remove(Tables& tables, Hpa root, Address<In> address, PageSize size) {
    FlushDebt debt = FlushDebt::none();
    Hpa table = root;
    for (unsigned level = root_level;; --level) {
        const Hpa at = table + entry_offset(address.value(), level);
        const Entry entry{tables.load(at)};
        if (!entry.present()) return {.complete = true, .debt = std::move(debt)};
        const bool is_leaf = entry.leaf(level);
        if (level == level_of(size) || (is_leaf && obstacle == Obstacle::forget)) {
            tables.store(at, 0);
            debt.absorb(FlushDebt::this_context());
            if (!is_leaf) tables.discard(entry, level);
            return {.complete = true, .debt = std::move(debt)};
        }
        table = entry.address<Space::host>();
        if (!is_leaf) continue;
        const std::optional<Hpa> parts = split(tables, at, entry, level);
        if (!parts) return {.complete = false, .debt = std::move(debt)};
        tables.store(at, Entry::make_table(*parts).bits());
        debt.absorb(FlushDebt::this_context());
        table = *parts;
    }
}

}  // namespace kurma::ept
