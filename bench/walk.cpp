// WALK (ept/walk.hpp): a guest address through ept12, by page size and up to a hole; ept01's walk.
#include "flat_world.hpp"

namespace kurma::bench {
namespace {

using namespace ept;
using testing::Guest;
using testing::World;

constexpr L2Gpa touched{0x8'1234'5678};
constexpr L1Gpa frame12{0x4000'0000};
constexpr auto leaf12 = Walk<Space::l1>::Outcome::leaf;
constexpr auto not_present12 = Walk<Space::l1>::Outcome::not_present;

/// An ept12 that maps the touched page in that size.
struct Mapped {
    explicit Mapped(PageSize size) { guest.map12(touched.aligned(size), frame12, size); }
    World world;
    Guest guest{world};
};

void walk12(benchmark::State& state, PageSize size, L2Gpa address, Walk<Space::l1>::Outcome expected) {
    Mapped mapped{size};
    const Eptp eptp12 = mapped.guest.eptp12();
    const Capabilities offered = testing::offered();
    const auto counted = walk<Space::l1>(mapped.world, eptp12, address, offered);
    require(counted.outcome == expected, "the outcome of a walk");
    state.counters["entries12"] = entries_read(mapped.world);
    FlatWorld flat{mapped.world};
    require(walk<Space::l1>(flat, eptp12, address, offered).outcome == expected, "the same over flat tables");
    measure(state, [&] {
        benchmark::DoNotOptimize(address);
        benchmark::DoNotOptimize(walk<Space::l1>(flat, eptp12, address, offered));
    });
}
BENCHMARK_CAPTURE(walk12, k4, PageSize::k4, touched, leaf12)->Name("walk/ept12/4K");
BENCHMARK_CAPTURE(walk12, m2, PageSize::m2, touched, leaf12)->Name("walk/ept12/2M");
BENCHMARK_CAPTURE(walk12, g1, PageSize::g1, touched, leaf12)->Name("walk/ept12/1G");
BENCHMARK_CAPTURE(walk12, hole, PageSize::k4, touched + 4096, not_present12)
    ->Name("walk/ept12/hole_beside_4K");

/// Accessed and dirty flags of a 4K page: all to be set, or all set already.
void mark(benchmark::State& state, bool set_already) {
    Mapped mapped{PageSize::k4};
    const Capabilities offered = testing::offered();
    const Eptp eptp12 = mapped.guest.eptp12(true);
    FlatWorld flat{mapped.world};
    Steps<Space::l1> steps;
    const auto walked = walk<Space::l1>(flat, eptp12, touched, offered, steps);
    const auto before = steps;
    require(mark_used(flat, steps, walked.level, Access::write), "nobody changes ept12 meanwhile");
    const auto again = walk<Space::l1>(flat, eptp12, touched, offered, steps);
    require(again.leaf.dirty && !walked.leaf.dirty, "the write was marked");
    if (set_already) {
        measure(state, [&] { benchmark::DoNotOptimize(mark_used(flat, steps, again.level, Access::write)); });
        return;
    }
    const auto marked = steps;
    measure(state, [&] {
        steps = before;
        for (unsigned level = last_level; level <= root_level; ++level)
            flat.compare_exchange_entry(marked.address_at(level), marked.entry_at(level).bits(),
                                        before.entry_at(level).bits());
        benchmark::DoNotOptimize(mark_used(flat, steps, walked.level, Access::write));
    });
}
BENCHMARK_CAPTURE(mark, again, true)->Name("walk/mark_used/flags_set_already");
BENCHMARK_CAPTURE(mark, first, false)->Name("walk/mark_used/flags_cleared_and_set");

/// What L0 asks for each address of L1's: ept01's own tables, without checks.
void walk01(benchmark::State& state, PageSize size) {
    World world;
    Guest guest{world};
    world.map01(frame12, {.page = Hpa{0x8000'0000}, .size = size, .access = Access::all});
    FlatWorld flat{world};
    require(flat.walk01(frame12)->size == size, "ept01 maps the page in its size");
    L1Gpa address = frame12;
    measure(state, [&] {
        benchmark::DoNotOptimize(address);
        benchmark::DoNotOptimize(flat.walk01(address));
    });
}
BENCHMARK_CAPTURE(walk01, k4, PageSize::k4)->Name("walk/ept01/4K");
BENCHMARK_CAPTURE(walk01, g1, PageSize::g1)->Name("walk/ept01/1G");

}  // namespace
}  // namespace kurma::bench
