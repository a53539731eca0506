#include "partition.hpp"

#include <utility>

#include "../trace/panic.hpp"

namespace kurma::l0::l1vm {

using ept::Access;
using ept::Hpa;
using ept::L1Gpa;
using ept::MemoryType;
using ept::PageSize;

[[gnu::noinline]] u64 EptWorld::read_entry_elsewhere(L1Gpa at) const {
    const std::optional<Hpa> host = partition_.translate(at);
    // Where L1 has no memory nobody answers, and the bus reads as ones: a misconfigured entry.
    return host ? *mm::at<volatile u64>(*host) : ~u64{0};
}

bool EptWorld::compare_exchange_entry(L1Gpa at, u64 expected, u64 desired) {
    const std::optional<Hpa> host = partition_.translate_for_write(at);
    if (!host) return true;
    return __atomic_compare_exchange_n(mm::at<u64>(*host), &expected, desired, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

[[gnu::noinline]] Hpa Partition::translate_in_others(L1Gpa address) const {
    for (usize i = 1; i < count_; ++i) {
        const u64 offset = address.value() - stretches_[i].first.value();
        if (offset < stretches_[i].size) return stretches_[i].host + offset;
    }
    return nowhere;
}

void Partition::init(mm::Pages& pages, const mm::MemoryMap& map, const mm::Reserved& kept,
                     const ept::Capabilities& host) {
    root_ = mm::must_allocate(pages);
    kept_ = kept;
    host_ = host;
    EptWorld world{pages, *this};
    for (const mm::Range& range : map) {
        const bool memory = range.type == mm::RangeType::available ||
                            range.type == mm::RangeType::acpi_reclaimable ||
                            range.type == mm::RangeType::acpi_nvs;
        if (!memory) continue;
        const u64 first = (range.base + 4095) & ~u64{4095};
        const u64 end = range.end() & ~u64{4095};
        if (first < end) add_memory(world, L1Gpa{first}, Hpa{first}, end - first);
    }
    // translate() looks in this order, and most addresses are in the largest stretch.
    for (usize i = 0; i < count_; ++i)
        for (usize j = i + 1; j < count_; ++j)
            if (stretches_[j].size > stretches_[i].size) std::swap(stretches_[i], stretches_[j]);
}

void Partition::add_memory(EptWorld& world, L1Gpa first, Hpa host, u64 size) {
    CHECK(count_ < capacity);
    stretches_[count_++] = {first, size, host};
    for (u64 done = 0; done < size;) {
        const L1Gpa at = first + done;
        const Hpa page = host + done;
        const auto fits = [&](PageSize candidate) {
            return at.is_aligned(candidate) && page.is_aligned(candidate) &&
                   size - done >= ept::bytes(candidate);
        };
        const PageSize page_size = host_.page_1g && fits(PageSize::g1)   ? PageSize::g1
                                   : host_.page_2m && fits(PageSize::m2) ? PageSize::m2
                                                                         : PageSize::k4;
        auto change =
            ept::map(world, root_, at,
                     {.page = page, .size = page_size, .access = Access::all, .memory_type = MemoryType::wb});
        CHECK(change.complete && !change.debt.owed());
        done += ept::bytes(page_size);
    }
}

/// Where ept01's entry for a page is that has a 4K leaf.
Hpa Partition::entry01(EptWorld& world, L1Gpa page) const {
    Hpa table = root_;
    for (unsigned level = ept::root_level; level > ept::last_level; --level)
        table = ept::Entry{world.load(table + ept::entry_offset(page.value(), level))}
                    .address<ept::Space::host>();
    return table + ept::entry_offset(page.value(), ept::last_level);
}

Partition::Watching Partition::watch(EptWorld& world, L1Gpa page, u64 clock) {
    if (const auto ticket = watched_.ticket_of(page); ticket.number != 0) return {.ticket = ticket};
    if (!translate(page) || !watched_.worth_watching(page, clock)) return {};
    auto leaf = ept::lookup(world, root_, page);
    CHECK(leaf.has_value());
    if (leaf->size != PageSize::k4) {
        if (splits_left_ == 0) return {};
        --splits_left_;
    }
    leaf = ept::narrowed(*leaf, PageSize::k4, page);
    leaf->access = Access::none;
    auto change = ept::map(world, root_, page, *leaf);
    if (!change.complete) return {.debt = std::move(change.debt)};
    const bool shadowed = watched_.may_be_shadowed(page);
    return {.ticket = watched_.begin(page, entry01(world, page), clock),
            .debt = std::move(change.debt),
            .shadowed = shadowed};
}

DemandMap Partition::map_on_demand(EptWorld& world, L1Gpa address) {
    if (kept_.contains(address.value())) return DemandMap::l0_memory;
    if ((address.value() >> host_.physical_address_width) != 0) return DemandMap::no_such_address;
    // A 2 MiB page of device space spares exits, where it holds neither memory of L1's nor of L0's.
    const L1Gpa large = address.aligned(PageSize::m2);
    bool mixed = large.value() < kept_.base.value() + kept_.size &&
                 kept_.base.value() < large.value() + ept::bytes(PageSize::m2);
    for (usize i = 0; i < count_; ++i)
        mixed = mixed || (large.value() < stretches_[i].first.value() + stretches_[i].size &&
                          stretches_[i].first.value() < large.value() + ept::bytes(PageSize::m2));
    const PageSize size = host_.page_2m && !mixed ? PageSize::m2 : PageSize::k4;
    const L1Gpa first = address.aligned(size);
    auto change = ept::map(
        world, root_, first,
        {.page = Hpa{first.value()}, .size = size, .access = Access::all, .memory_type = MemoryType::uc});
    // Not-present entries only became present: nothing stale can be cached.
    CHECK(!change.debt.owed());
    return change.complete ? DemandMap::mapped : DemandMap::out_of_tables;
}

}  // namespace kurma::l0::l1vm
