// CHECK (vmx/check.hpp): vmcs12's controls and host state before an entry; its image alone, no VMCS accesses.
#include <vmx-emul/testing/vmcs12_builder.hpp>
#include <vmx/check.hpp>

#include "measure.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;

const Capabilities offered = offer(testing::haswell(), Policy{});

void controls(benchmark::State& state) {
    const Vmcs12 v = testing::valid_vmcs12(offered);
    require(check_controls(v, offered).passed(), "the builder's controls pass");
    measure(state, [&] { benchmark::DoNotOptimize(check_controls(v, offered)); });
}
BENCHMARK(controls)->Name("check/controls");

void host_state(benchmark::State& state) {
    const Vmcs12 v = testing::valid_vmcs12(offered);
    require(check_host_state(v, offered, L1Mode::ia32e).passed(), "the builder's host state passes");
    measure(state, [&] { benchmark::DoNotOptimize(check_host_state(v, offered, L1Mode::ia32e)); });
}
BENCHMARK(host_state)->Name("check/host_state");

/// The proof that each entry of L2 needs: for a vmcs12 that L1 has changed since the last, or has not.
void checker(benchmark::State& state, bool unchanged, bool passes) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    if (!passes) v.set(field::host_rip, u64{1} << 47);  // not canonical: the last of the checks
    CheckResult failure{};
    VmInstructionError error{};
    const auto check = [&] {
        v.checked = v.others_checked = unchanged;
        return Checker::check(v, offered, L1Mode::ia32e, failure, error).has_value();
    };
    require(check() == passes, name_of(failure.failed));
    measure(state, [&] { benchmark::DoNotOptimize(check()); });
}
BENCHMARK_CAPTURE(checker, changed, false, true)->Name("check/entry_after_a_change");
BENCHMARK_CAPTURE(checker, unchanged, true, true)->Name("check/entry_without_a_change");
BENCHMARK_CAPTURE(checker, refused, false, false)->Name("check/entry_refused_for_host_rip");

/// L1 has written one field since: the primary controls, at which most groups of checks look.
void one_field(benchmark::State& state) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    CheckResult failure{};
    VmInstructionError error{};
    const auto check = [&] { return Checker::check(v, offered, L1Mode::ia32e, failure, error).has_value(); };
    require(check(), name_of(failure.failed));
    v.dirty.add(FieldId::primary_controls);
    measure(state, [&] {
        v.checked = false;
        benchmark::DoNotOptimize(check());
    });
}
BENCHMARK(one_field)->Name("check/entry_after_one_field");

}  // namespace
}  // namespace kurma::bench
