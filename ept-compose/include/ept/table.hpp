// A table that says what L0 wants it to say: ept01.
//
// In:   a world with memory for tables, a root, and what an address shall lead to.
// Out:  whether there were tables enough, and what is owed to the processor.
// Laws: lookup() after map() gives what was mapped; what lies beside it stays as it was.
#pragma once

#include <ept/place.hpp>

namespace kurma::ept {

// allocate_table() gives a zeroed 4K page. All addresses are of tables that it gave, or of the root.
template <class World>
concept TableWorld = requires(World& world, Hpa at, u64 bits) {
    { world.load(at) } -> std::same_as<u64>;
    world.store(at, bits);
    { world.allocate_table() } -> std::same_as<std::optional<Hpa>>;
    world.free_table(at);
};

// A table store that gives back at once what is cut off.
template <TableWorld World>
class OwnTables {
  public:
    constexpr explicit OwnTables(World& world) : world_(world) {}

    constexpr u64 load(Hpa at) { return world_.load(at); }
    constexpr void store(Hpa at, u64 bits) { world_.store(at, bits); }
    constexpr std::optional<Hpa> allocate(Hpa) { return world_.allocate_table(); }
    constexpr void discard(Entry entry, unsigned level) {
        const Hpa table = entry.address<Space::host>();
        const unsigned below = level - 1;
        for (u64 i = 0; below > last_level && i < entries_per_table; ++i) {
            const Entry inner{world_.load(table + i * sizeof(u64))};
            if (inner.present() && !inner.leaf(below)) discard(inner, below);
        }
        world_.free_table(table);
    }

  private:
    World& world_;
};

// The page and the address must be aligned to the leaf's size.
template <TableWorld World, Space In>
constexpr Change map(World& world, Hpa root, Address<In> address, const Leaf<Space::host>& leaf) {
    OwnTables<World> tables{world};
    return place<Obstacle::split>(tables, root, address, leaf);
}

template <TableWorld World, Space In>
constexpr Change unmap(World& world, Hpa root, Address<In> address, PageSize size) {
    OwnTables<World> tables{world};
    return remove<Obstacle::split>(tables, root, address, size);
}

// A walk of tables that are our own and so need no checks, and in which a leaf alone limits rights: what L0's
// walk01 is made of.
template <class World, Space In>
[[nodiscard]] [[gnu::always_inline]] constexpr std::optional<Leaf<Space::host>> lookup(World& world, Hpa root,
                                                                                       Address<In> address) {
    if (address.value() >> translated_bits != 0) return std::nullopt;
    Hpa table = root;
#pragma GCC unroll 4
    for (unsigned level = root_level; level >= last_level; --level) {
        const Entry entry{world.load(table + entry_offset(address.value(), level))};
        if (!entry.present()) return std::nullopt;
        table = entry.address<Space::host>();
        if (entry.leaf(level)) {
            return Leaf<Space::host>{.page = table,
                                     .size = size_at(level),
                                     .access = entry.access(),
                                     .memory_type = entry.memory_type(),
                                     .ignore_pat = entry.ignore_pat(),
                                     .dirty = entry.dirty()};
        }
    }
    __builtin_unreachable();  // an entry at the last level is a leaf
}

}  // namespace kurma::ept
