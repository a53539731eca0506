// CAPABILITY (vmx/capability.hpp): what L1 is offered, made once per L1 and asked at each VMREAD and VMWRITE.
#include <vmx-emul/testing/capability_sets.hpp>
#include <vmx/nested.hpp>

#include "measure.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;

void offer_to_l1(benchmark::State& state, const Capabilities& host, Policy policy, bool has_ept) {
    require(offer(host, policy).may(Secondary::enable_ept) == has_ept, "whether EPT is offered");
    measure(state, [&] {
        benchmark::DoNotOptimize(policy);
        benchmark::DoNotOptimize(offer(host, policy));
    });
}

const Capabilities haswell = testing::haswell();
const Capabilities first_generation = testing::first_generation();

BENCHMARK_CAPTURE(offer_to_l1, haswell, haswell, Policy{}, true)->Name("capability/offer/haswell");
BENCHMARK_CAPTURE(offer_to_l1, haswell_without_ept, haswell, Policy{.offer_ept = false}, false)
    ->Name("capability/offer/haswell_without_ept");
BENCHMARK_CAPTURE(offer_to_l1, first_generation, first_generation, Policy{}, false)
    ->Name("capability/offer/first_generation");

/// All rows of fields.def, as at the start of an L1.
void fields_that_exist(benchmark::State& state) {
    const Capabilities offered = offer(haswell, Policy{});
    require(existing_fields(offered).has(FieldId::eptp), "EPTP exists with EPT");
    measure(state, [&] { benchmark::DoNotOptimize(existing_fields(offered)); });
}
BENCHMARK(fields_that_exist)->Name("capability/existing_fields");

void adjust_control_word(benchmark::State& state) {
    const AllowedSettings allowed = haswell.effective_primary();
    u32 desired = testing::bits(Primary::use_msr_bitmaps, Primary::hlt_exiting);
    require(allowed.allows(allowed.adjust(desired)), "an adjusted word is allowed");
    measure(state, [&] {
        benchmark::DoNotOptimize(desired);
        benchmark::DoNotOptimize(allowed.adjust(desired));
    });
}
BENCHMARK(adjust_control_word)->Name("capability/adjust_control_word");

}  // namespace
}  // namespace kurma::bench
