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
#include <ept/trail.hpp>

namespace kurma::ept {

// Beside table memory: ept12's entries at addresses of L1's, and the leaf of ept01 for an address of L1's. A
// Shadow is of one processor: it is not to be changed while another processor runs on it.
template <class World>
concept ShadowWorld = TableWorld<World> && EntryMemory<World, Space::l1> &&
    requires(World& world, L1Gpa address) {
    { world.walk01(address) } -> std::same_as<std::optional<Leaf<Space::host>>>;
};

// What becomes of ept12's accessed and dirty flags: set as the access wants them, or left as they are, which
// is all that may be done for an access that L2 has not made, and where a log of page modifications is full.
enum class Flags : u8 { set, keep };

struct [[nodiscard]] Resolution {
    enum class Kind : u8 {
        filled,               // size: of the leaf that ept02 has now
        again,                // L1 changed ept12 under our eyes: let L2 try again
        l1_violation,         // effective: bits 5:3 of the qualification
        l1_misconfiguration,  // of ept12
        flag_needed,          // ept12 needs a flag set, which is not to be
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

    // largest_pages: with false, every leaf is made 4K.
    [[nodiscard]] [[gnu::always_inline]] constexpr Resolution resolve(World& world, Eptp eptp12,
                                                                      const EntryRules& offered,
                                                                      L2Gpa address, Access wanted,
                                                                      bool largest_pages,
                                                                      Flags flags = Flags::set) {
        const Fault fault{eptp12, address, wanted, largest_pages, flags};
        const Fork fork = trail12_.follow(world, eptp12, address);
        if (fork.level == last_level) [[likely]]
            return settle(world, fault, trail12_.walk_last(world, address, offered));
        // Member by member: what is made elsewhere is not to keep what is made here from staying in
        // registers.
        Resolution far = resolve_far(world, fault, fork, offered);
        return {.kind = far.kind,
                .size = far.size,
                .effective = far.effective,
                .l1_address = far.l1_address,
                .suppress_ve = far.suppress_ve,
                .dirtied = far.dirtied,
                .debt = std::move(far.debt)};
    }

    // After a fill: gives the pages around it what ept12's same table has for them, as a processor that walks
    // ahead might. `count`: of the block, aligned to it, that is gone through. Only what ept02 does not have
    // yet, so that nothing is owed; and only where no flag of ept12's would be set.
    [[gnu::noinline]] constexpr void fill_around(World& world, Eptp eptp12, const EntryRules& offered,
                                                 L2Gpa address, u64 count) {
        if (last_table_.region != region_of(address) || !trail12_.serves(eptp12, address)) return;
        Tables tables{*this, world};
        Near01 near01;
        const u64 number = address.value() >> page_shift;
        const u64 region = number & ~(entries_per_table - 1);
        const u64 block = number - number % count;
        const u64 first = block > region ? block : region;
        const u64 end =
            block + count < region + entries_per_table ? block + count : region + entries_per_table;
        for (u64 i = first; i < end; ++i) {
            const L2Gpa page{i << page_shift};
            const Hpa at = last_table_.table + entry_offset(page.value(), last_level);
            if (Entry{world.load(at)}.present()) continue;
            const Walk12 walk12 = trail12_.walk_last(world, page, offered);
            if (walk12.outcome != Walk12::Outcome::leaf) continue;
            const std::optional<Leaf<Space::host>> leaf01 = near01.walk(world, walk12.leaf.page);
            if (!leaf01) continue;
            Leaf<Space::host> leaf02 = compose(*leaf01, walk12.leaf, page);
            if (eptp12.accessed_dirty()) {
                if (!used_before(trail12_.steps(), last_level, Access::none)) continue;
                if (!walk12.leaf.dirty) leaf02.access = leaf02.access.without(Access::write);
            }
            if (leaf02.access.empty()) continue;
            [[maybe_unused]] const FlushDebt nothing = put(tables, last_table_.table, page, leaf02);
        }
    }

    // Forgets everything: what INVEPT of L1's asks for. Costs what the tables in use cost; nothing if there
    // are none.
    [[nodiscard]] constexpr FlushDebt drop_all(World& world) {
        last_table_ = {};
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
    using Walk12 = Walk<Space::l1>;
    using Fork = typename Trail<Space::l1, Space::l2>::Fork;

    struct Fault {
        Eptp eptp12;
        L2Gpa address;
        Access wanted;
        bool largest_pages;
        Flags flags;
    };

    [[gnu::noinline]] constexpr Resolution resolve_far(World& world, Fault fault, Fork fork,
                                                       const EntryRules& offered) {
        return settle(world, fault, trail12_.walk_rest(world, fork, fault.eptp12, fault.address, offered));
    }

    [[gnu::always_inline]] constexpr Resolution settle(World& world, const Fault& fault,
                                                       const Walk12& walk12) {
        using Kind = Resolution::Kind;
        if (walk12.outcome != Walk12::Outcome::leaf) [[unlikely]]
            return no_leaf(walk12);
        if (!walk12.effective.includes(fault.wanted)) [[unlikely]]
            return violation(walk12);
        const L1Gpa behind12 = behind(walk12.leaf, fault.address);
        const std::optional<Leaf<Space::host>> leaf01 = world.walk01(behind12);
        if (!leaf01 || !leaf01->access.includes(fault.wanted)) [[unlikely]]
            return {.kind = Kind::l0_fault, .l1_address = behind12};

        Leaf<Space::host> leaf02 = compose(*leaf01, walk12.leaf, fault.address);
        if (leaf02.size != PageSize::k4 && !fault.largest_pages)
            leaf02 = narrowed(leaf02, PageSize::k4, fault.address);
        bool dirtied = false;
        if (fault.eptp12.accessed_dirty()) [[unlikely]] {
            Steps<Space::l1>& steps = trail12_.steps();
            const bool writes = fault.wanted.includes(Access::write);
            dirtied = !walk12.leaf.dirty && writes;
            if (fault.flags == Flags::keep && !used_before(steps, walk12.level, fault.wanted))
                return {.kind = Kind::flag_needed};
            if (!mark_used(world, steps, walk12.level, fault.wanted)) return {.kind = Kind::again};
            // The first write must be seen, or ept12's leaf would never become dirty.
            if (!walk12.leaf.dirty && !writes) leaf02.access = leaf02.access.without(Access::write);
        }
        Change change = place02(world, fault.address, leaf02);
        return {.kind = change.complete ? Kind::filled : Kind::out_of_tables,
                .size = leaf02.size,
                .effective = walk12.effective,
                .l1_address = behind12,
                .dirtied = dirtied,
                .debt = std::move(change.debt)};
    }

    static constexpr Resolution violation(const Walk12& walk12) {
        return {.kind = Resolution::Kind::l1_violation,
                .effective = walk12.effective,
                .suppress_ve = walk12.last.suppress_ve()};
    }

    static constexpr Resolution no_leaf(const Walk12& walk12) {
        using Kind = Resolution::Kind;
        if (walk12.outcome == Walk12::Outcome::not_present) return violation(walk12);
        if (walk12.outcome == Walk12::Outcome::misconfigured) return {.kind = Kind::l1_misconfiguration};
        return {.kind = Kind::l0_fault, .l1_address = walk12.last_entry};
    }

    // Ept01 where it was walked last: what is larger than 4K serves the next page as well.
    struct Near01 {
        constexpr std::optional<Leaf<Space::host>> walk(World& world, L1Gpa address) {
            if (last && last->size != PageSize::k4 && address.aligned(last->size) == first) return last;
            last = world.walk01(address);
            if (last) first = address.aligned(last->size);
            return last;
        }

        std::optional<Leaf<Space::host>> last{};
        L1Gpa first{};
    };

    // The table of the last level that was written last: mostly the next leaf goes there too.
    struct LastTable {
        u64 region = ~u64{0};
        Hpa table{};
    };

    static constexpr u64 region_of(L2Gpa address) { return address.value() >> shift_at(last_level + 1); }

    [[gnu::always_inline]] constexpr Change place02(World& world, L2Gpa address,
                                                    const Leaf<Space::host>& leaf) {
        Tables tables{*this, world};
        if (leaf.size == PageSize::k4 && last_table_.region == region_of(address)) [[likely]]
            return {.complete = true, .debt = put(tables, last_table_.table, address, leaf)};
        Change far = place_from_root(world, address, leaf);
        return {.complete = far.complete, .debt = std::move(far.debt)};
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
        constexpr void discard(Entry, unsigned) { shadow_.last_table_ = {}; }

      private:
        Shadow& shadow_;
        World& world_;
    };

    [[gnu::noinline]] constexpr Change place_from_root(World& world, L2Gpa address, Leaf<Space::host> leaf) {
        Tables tables{*this, world};
        FlushDebt debt = FlushDebt::none();
        const std::optional<Hpa> table =
            reach<Obstacle::forget>(tables, root_, address, level_of(leaf.size), debt);
        if (!table) return {.complete = false, .debt = std::move(debt)};
        if (leaf.size == PageSize::k4) last_table_ = {.region = region_of(address), .table = *table};
        debt.absorb(put(tables, *table, address, leaf));
        return {.complete = true, .debt = std::move(debt)};
    }

    Hpa root_;
    Trail<Space::l1, Space::l2> trail12_;
    LastTable last_table_;
    usize used_ = 0;
    std::array<Link, Capacity> links_;
};

}  // namespace kurma::ept
