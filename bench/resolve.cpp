// RESOLVE (ept/shadow.hpp): a fault in ept02; walk ept12, walk ept01, compose, place.
#include "flat_world.hpp"

namespace kurma::bench {
namespace {

using namespace ept;
using testing::Guest;
using testing::World;
using Kind = Resolution::Kind;

constexpr usize capacity = 16;
constexpr L2Gpa touched{0x8'1220'0000};
constexpr L1Gpa frame12{0x4000'0000};
constexpr u64 pages_of_2m = entries_per_table;

/// How L1 maps 2 MiB of L2's memory that ept01 maps by 1G, and what ept02 may make of it.
struct Case {
    PageSize mapped12 = PageSize::k4;
    bool largest_pages = true;
    bool accessed_dirty = false;
};

struct Mapped {
    explicit Mapped(const Case& of) {
        world.map01(frame12, {.page = Hpa{0x8000'0000}, .size = PageSize::g1, .access = Access::all});
        const u64 pages = of.mapped12 == PageSize::k4 ? pages_of_2m : 1;
        for (u64 i = 0; i < pages; ++i)
            guest.map12(touched + (i << page_shift), frame12 + (i << page_shift), of.mapped12);
    }
    World world;
    Guest guest{world};
};

/// One ept02 in a World or a FlatWorld.
template <class Where>
struct Room {
    Room(Where& in, const Mapped& mapped, const Case& of)
        : world(in), eptp12(mapped.guest.eptp12(of.accessed_dirty)), largest_pages(of.largest_pages) {
        require(shadow.init(world), "there is a table for the root");
    }
    Kind resolve(L2Gpa address) {
        Resolution resolution = shadow.resolve(world, eptp12, offered, address, Access::write, largest_pages);
        resolution.debt.pay([&] { ++flushes; });
        return resolution.kind;
    }
    void drop() {
        shadow.drop_all(world).pay([&] { ++flushes; });
    }

    Where& world;
    Eptp eptp12;
    Capabilities offered = testing::offered();
    bool largest_pages;
    Shadow<Where, capacity> shadow;
    u64 flushes = 0;
};

/// Counts a step in the World, whose history starts after `before`, then times it over flat tables.
template <class Before, class Step>
void count_and_measure_room(benchmark::State& state, const Case& of, Before before, Step step) {
    Mapped mapped{of};
    FlatWorld flat{mapped.world};
    Room<World> counted{mapped.world, mapped, of};
    before(counted);
    mapped.world.history.clear();
    mapped.world.reads.clear();
    counted.flushes = 0;
    step(counted);
    state.counters["entries12"] = entries_read(mapped.world);
    state.counters["stores02"] = static_cast<double>(mapped.world.history.size());
    state.counters["flushes"] = static_cast<double>(counted.flushes);

    Room<FlatWorld> timed{flat, mapped, of};
    before(timed);
    measure(state, [&] { step(timed); });
}

constexpr auto nothing = [](auto&) {};
constexpr auto fill = [](auto& room) {
    require(room.resolve(touched) == Kind::filled, "the page is filled");
};

/// The page is there already, with the tables above it: the cost of resolving alone.
void again(benchmark::State& state, const Case& of) { count_and_measure_room(state, of, fill, fill); }
BENCHMARK_CAPTURE(again, k4, Case{})->Name("resolve/in_place/4K");
BENCHMARK_CAPTURE(again, m2, Case{.mapped12 = PageSize::m2})->Name("resolve/in_place/2M");
BENCHMARK_CAPTURE(again, narrow, Case{.mapped12 = PageSize::m2, .largest_pages = false})
    ->Name("resolve/in_place/2M_as_4K");
BENCHMARK_CAPTURE(again, flags, Case{.accessed_dirty = true})->Name("resolve/in_place/4K_accessed_dirty");

/// The first page of an empty ept02, with its tables, and the end of them: what INVEPT by L1 brings about.
void first(benchmark::State& state, const Case& of) {
    count_and_measure_room(state, of, nothing, [](auto& room) {
        fill(room);
        room.drop();
    });
}
BENCHMARK_CAPTURE(first, k4, Case{})->Name("resolve/first_page_and_drop_all/4K");
BENCHMARK_CAPTURE(first, m2, Case{.mapped12 = PageSize::m2})->Name("resolve/first_page_and_drop_all/2M");

/// Fresh 2 MiB, every 4K page of which faults, and their end.
void sweep(benchmark::State& state, const Case& of) {
    count_and_measure_room(state, of, nothing, [](auto& room) {
        for (u64 i = 0; i < pages_of_2m; ++i)
            require(room.resolve(touched + (i << page_shift)) == Kind::filled, "each page is filled");
        room.drop();
    });
    state.SetItemsProcessed(state.iterations() * std::int64_t{entries_per_table});
}
BENCHMARK_CAPTURE(sweep, k4, Case{})->Name("resolve/512_pages_and_drop_all/4K");
BENCHMARK_CAPTURE(sweep, narrow, Case{.mapped12 = PageSize::m2, .largest_pages = false})
    ->Name("resolve/512_pages_and_drop_all/2M_as_4K");

/// L1 has not mapped the page: the fault is its own, and is reflected.
void violation(benchmark::State& state) {
    constexpr L2Gpa unmapped = touched + bytes(PageSize::m2);
    count_and_measure_room(state, Case{}, nothing, [&](auto& room) {
        require(room.resolve(unmapped) == Kind::l1_violation, "the fault is L1's");
    });
}
BENCHMARK(violation)->Name("resolve/l1_violation");

}  // namespace
}  // namespace kurma::bench
