// COMPOSE (ept/compose.hpp): ept02's leaf out of ept12's and ept01's. Pure: there is nothing to access.
#include <ept/compose.hpp>

#include "measure.hpp"

namespace kurma::bench {
namespace {

using namespace ept;

constexpr L2Gpa touched{0x8'1234'5678};

constexpr Leaf<Space::l1> of_l1(PageSize size) {
    return {.page = L1Gpa{0x8000'0000}, .size = size, .access = Access::all};
}
constexpr Leaf<Space::host> of_l0(PageSize size) {
    return {.page = Hpa{0x1'0000'0000}, .size = size, .access = Access::all};
}

void leaf(benchmark::State& state, PageSize size01, PageSize size12, PageSize expected) {
    Leaf<Space::host> leaf01 = of_l0(size01);
    Leaf<Space::l1> leaf12 = of_l1(size12);
    require(compose(leaf01, leaf12, touched).size == expected, "the smaller of two sizes");
    measure(state, [&] {
        benchmark::DoNotOptimize(leaf01);
        benchmark::DoNotOptimize(leaf12);
        benchmark::DoNotOptimize(compose(leaf01, leaf12, touched));
    });
}
BENCHMARK_CAPTURE(leaf, k4_in_g1, PageSize::g1, PageSize::k4, PageSize::k4)->Name("compose/1G_after_4K");
BENCHMARK_CAPTURE(leaf, m2_in_g1, PageSize::g1, PageSize::m2, PageSize::m2)->Name("compose/1G_after_2M");
BENCHMARK_CAPTURE(leaf, k4_of_m2, PageSize::k4, PageSize::m2, PageSize::k4)->Name("compose/4K_after_2M");

void types(benchmark::State& state) {
    MemoryType a = MemoryType::wb, b = MemoryType::wt;
    require(stricter(a, b) == MemoryType::wt, "write-through is stricter than write-back");
    measure(state, [&] {
        benchmark::DoNotOptimize(a);
        benchmark::DoNotOptimize(b);
        benchmark::DoNotOptimize(stricter(a, b));
    });
}
BENCHMARK(types)->Name("compose/memory_type");

/// The knob ept02_large_pages=off.
void narrow(benchmark::State& state) {
    Leaf<Space::host> large = of_l0(PageSize::m2);
    require(narrowed(large, PageSize::k4, touched).size == PageSize::k4, "a page is cut out of a larger one");
    measure(state, [&] {
        benchmark::DoNotOptimize(large);
        benchmark::DoNotOptimize(narrowed(large, PageSize::k4, touched));
    });
}
BENCHMARK(narrow)->Name("compose/narrowed_to_4K");

}  // namespace
}  // namespace kurma::bench
