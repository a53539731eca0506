// One ept02: filled page by page as L2 touches memory, emptied when L1 invalidates or L0 changes ept01.
//
// In:    a world (below), an eptp12 found valid, an address that faulted in ept02 and the access that did.
// Out:   filled; or whose fault it is, with what that owner must be told; and a debt to be paid before L2
// runs. Never: holds a right or a page that ept12 and ept01 together did not give when it was filled. Laws:
// Composition and Debt (tests/laws). What L1 changes without INVEPT may be seen late, as on a processor. SDM:
// 3C 29.3.3, 29.3.5, 29.4.3.
#pragma once

#include <ept/compose.hpp>
#include <ept/table.hpp>

namespace kurma::ept {

// Beside table memory: ept12's entries at addresses of L1's, and the leaf of ept01 for an address of L1's. A
// Shadow is of one processor: it is not to be changed while another processor runs on it.
template <class World>
concept ShadowWorld = TableWorld<World> && EntryMemory<World, Space::l1> &&
    requires(World& world, L1Gpa address) {
    { world.walk01(address) } -> std::same_as<std::optional<Leaf<Space::host>>>;
};

struct [[nodiscard]] Resolution {
    enum class Kind : u8 {
        filled,               // size: of the leaf that ept02 has now
        again,                // L1 changed ept12 under our eyes: let L2 try again
        l1_violation,         // effective: bits 5:3 of the qualification
        l1_misconfiguration,  // of ept12
        log_full,             // ept12 needs a flag set, and the log of page modifications has no room for it
        l0_fault,  // l1_address: ept01 does not map it, or not with the access; an ept12 table may lie there
        out_of_tables,  // drop_all(), then resolve anew
    };

    Kind kind;
    PageSize size = PageSize::k4;
    Access effective = Access::none;
    L1Gpa l1_address{};
    // Of a violation of L1's: bit 63 of ept12's last entry, which keeps it from becoming a #VE (3C 26.5.7.1).
    bool suppress_ve = true;
    // filled, out_of_tables: the access is the first write that ept12 sees, which a log of page modifications
    // notes (3C 29.3.6).
    bool dirtied = false;
    FlushDebt debt = FlushDebt::none();
};

// Capacity: how many tables this ept02 may have beside its root.
template <class World, usize Capacity = 1024>
class Shadow {
  public:
    // False if there is no table for the root.
    [[nodiscard]] constexpr bool init(World& world) {
        static_assert(ShadowWorld<World>);
        const std::optional<Hpa> root = world.allocate_table();
        if (root) root_ = *root;
        return root.has_value();
    }

    [[nodiscard]] constexpr Hpa root() const { return root_; }
    [[nodiscard]] constexpr usize tables() const { return used_; }

    // largest_pages: with false, every leaf is made 4K. log_full: L1 logs page modifications, and cannot take
    // another.
    [[nodiscard]] constexpr Resolution resolve(World& world, Eptp eptp12, const Capabilities& offered,
                                               L2Gpa address, Access wanted, bool largest_pages,
                                               bool log_full = false) {
        using Kind = Resolution::Kind;
        const auto walk12 = walk<Space::l1>(world, eptp12, address, offered);
        switch (walk12.outcome) {
            case Walk<Space::l1>::Outcome::leaf: break;
            case Walk<Space::l1>::Outcome::not_present: return violation(walk12);
            case Walk<Space::l1>::Outcome::misconfigured: return {.kind = Kind::l1_misconfiguration};
            case Walk<Space::l1>::Outcome::unreachable:
                return {.kind = Kind::l0_fault, .l1_address = walk12.last_entry()};
        }
        if (!walk12.effective.includes(wanted)) return violation(walk12);
        const L1Gpa behind12 = behind(walk12.leaf, address);
        const std::optional<Leaf<Space::host>> leaf01 = world.walk01(behind12);
        if (!leaf01 || !leaf01->access.includes(wanted))
            return {.kind = Kind::l0_fault, .l1_address = behind12};

        Leaf<Space::host> leaf02 = compose(*leaf01, walk12.leaf, address);
        if (!largest_pages) leaf02 = narrowed(leaf02, PageSize::k4, address);
        const bool dirtied = eptp12.accessed_dirty() && !walk12.leaf.dirty && wanted.includes(Access::write);
        if (eptp12.accessed_dirty()) {
            if (log_full && !used_before(walk12, wanted)) return {.kind = Kind::log_full};
            if (!mark_used(world, walk12, wanted)) return {.kind = Kind::again};
            // The first write must be seen, or ept12's leaf would never become dirty.
            const bool dirty = walk12.leaf.dirty || wanted.includes(Access::write);
            if (!dirty) leaf02.access = leaf02.access.without(Access::write);
        }
        Tables tables{*this, world};
        Change change = place<Obstacle::forget>(tables, root_, address, leaf02);
        return {.kind = change.complete ? Kind::filled : Kind::out_of_tables,
                .size = leaf02.size,
                .effective = walk12.effective,
                .l1_address = behind12,
                .dirtied = dirtied,
                .debt = std::move(change.debt)};
    }

    // Forgets everything: what INVEPT of L1's asks for. Costs what the tables in use cost; nothing if there
    // are none.
    [[nodiscard]] constexpr FlushDebt drop_all(World& world) {
        if (used_ == 0) return FlushDebt::none();
        for (usize i = 0; i < used_; ++i) {
            if (links_[i].from.page() == root_) world.store(links_[i].from, 0);
            world.free_table(links_[i].table);
        }
        used_ = 0;
        return FlushDebt::this_context();
    }

    // Forgets a page of that size, and whatever larger one holds it.
    [[nodiscard]] constexpr FlushDebt drop(World& world, L2Gpa address, PageSize size) {
        Tables tables{*this, world};
        return std::move(remove<Obstacle::forget>(tables, root_, address, size).debt);
    }

    // The end of this ept02: gives the root back too. init() may follow.
    [[nodiscard]] constexpr FlushDebt release(World& world) {
        FlushDebt debt = drop_all(world);
        world.free_table(root_);
        root_ = Hpa{};
        return debt;
    }

  private:
    static constexpr Resolution violation(const Walk<Space::l1>& walk12) {
        return {.kind = Resolution::Kind::l1_violation,
                .effective = walk12.effective,
                .suppress_ve = walk12.entry_at(walk12.level).suppress_ve()};
    }

    struct Link {
        Hpa from;  // the entry that was to point to the table
        Hpa table;
    };

    // Notes every table, so that drop_all() need not look for them. One that is cut off waits for drop_all();
    // that is rare (L1 made a large page of small ones without INVEPT), and to look for it in the notes would
    // cost more.
    class Tables {
      public:
        constexpr Tables(Shadow& shadow, World& world) : shadow_(shadow), world_(world) {}

        constexpr u64 load(Hpa at) { return world_.load(at); }
        constexpr void store(Hpa at, u64 bits) { world_.store(at, bits); }
        constexpr std::optional<Hpa> allocate(Hpa from) {
            if (shadow_.used_ == Capacity) return std::nullopt;
            const std::optional<Hpa> table = world_.allocate_table();
            if (table) shadow_.links_[shadow_.used_++] = {.from = from, .table = *table};
            return table;
        }
        constexpr void discard(Entry, unsigned) {}

      private:
        Shadow& shadow_;
        World& world_;
    };

    Hpa root_;
    usize used_ = 0;
    std::array<Link, Capacity> links_;
};

}  // namespace kurma::ept
