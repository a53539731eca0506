// ROUTE (vmx/route.hpp): who answers an exit of L1 or of L2. It sees no VMCS: no accesses to count.
#include <vmx-emul/testing/vmcs12_builder.hpp>
#include <vmx/route.hpp>

#include "measure.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;

/// L1's bitmaps in L0 are one load; here, one too.
struct Bitmaps {
    volatile bool intercepted;
    bool msr_intercepted(u32, bool) const { return intercepted; }
    bool io_intercepted(u16, unsigned) const { return intercepted; }
};

void route_l1_exit(benchmark::State& state, Reason reason, Why expected) {
    require(route_l1(reason) == expected, "the route of an exit of L1");
    measure(state, [&] {
        benchmark::DoNotOptimize(reason);
        benchmark::DoNotOptimize(route_l1(reason));
    });
}

void route_l2_exit(benchmark::State& state, L2Exit exit, bool intercepted, Why expected) {
    const Vmcs12 vmcs12 = testing::valid_vmcs12(offer(testing::haswell(), Policy{}));
    const Bitmaps bitmaps{intercepted};
    const Why why = route_l2(vmcs12, exit, bitmaps);
    require(why == expected, name_of(why));
    measure(state, [&] {
        benchmark::DoNotOptimize(exit);
        benchmark::DoNotOptimize(route_l2(vmcs12, exit, bitmaps));
    });
}

constexpr L2Exit by(Reason reason) { return {.reason = ExitReason::of(reason)}; }
constexpr bool asked_for = true, not_asked_for = false;

BENCHMARK_CAPTURE(route_l1_exit, cpuid, Reason::cpuid, Why::l1_cpuid)->Name("route/l1/cpuid");
BENCHMARK_CAPTURE(route_l1_exit, vmread, Reason::vmread, Why::l1_vmx_instruction)->Name("route/l1/vmread");
BENCHMARK_CAPTURE(route_l1_exit, rdmsr, Reason::rdmsr, Why::l1_vmx_msr)->Name("route/l1/rdmsr");
BENCHMARK_CAPTURE(route_l1_exit, ept_violation, Reason::ept_violation, Why::l1_ept_map)
    ->Name("route/l1/ept_violation");

BENCHMARK_CAPTURE(route_l2_exit, cpuid, by(Reason::cpuid), not_asked_for, Why::l2_unconditional)
    ->Name("route/l2/cpuid");
BENCHMARK_CAPTURE(route_l2_exit, hlt, by(Reason::hlt), not_asked_for, Why::l2_controls_of_l1)
    ->Name("route/l2/hlt");
BENCHMARK_CAPTURE(route_l2_exit, external_interrupt, by(Reason::external_interrupt), not_asked_for,
                  Why::l2_event_of_l1)
    ->Name("route/l2/external_interrupt");
BENCHMARK_CAPTURE(route_l2_exit, rdmsr_for_l1, by(Reason::rdmsr), asked_for, Why::l2_msr_bitmap)
    ->Name("route/l2/rdmsr_for_l1");
BENCHMARK_CAPTURE(route_l2_exit, rdmsr_for_l0, by(Reason::rdmsr), not_asked_for, Why::l2_msr_l0_only)
    ->Name("route/l2/rdmsr_for_l0");
BENCHMARK_CAPTURE(route_l2_exit, io_for_l1, by(Reason::io_instruction), asked_for, Why::l2_io_bitmap)
    ->Name("route/l2/io_for_l1");
BENCHMARK_CAPTURE(route_l2_exit, ept_violation, by(Reason::ept_violation), not_asked_for, Why::l2_ept02_fill)
    ->Name("route/l2/ept_violation");

}  // namespace
}  // namespace kurma::bench
