// What all benches share: the timed loop, and what is counted before it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vmx-emul/testing/fake_vmcs.hpp>

#include "hardware_counters.hpp"

namespace kurma::bench {

/// A bench of a call that does not do what its name says would be worse than none.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "kurma_bench: a fixture does not hold: %s\n", what);
    std::exit(EXIT_FAILURE);
}

/// The timed loop. The call keeps its result from being optimized away.
template <class Call>
void measure(benchmark::State& state, Call call) {
    HardwareCounters& hardware = hardware_counters();
    hardware.start();
    for (auto _ : state) {
        call();
        benchmark::ClobberMemory();
    }
    hardware.stop(state);
}

/// The accesses of one call, as the recording fakes saw them.
template <class... Vmcs>
void report_accesses(benchmark::State& state, const Vmcs&... vmcs) {
    state.counters["vmread"] = static_cast<double>((usize{0} + ... + vmcs.reads()));
    state.counters["vmwrite"] = static_cast<double>((usize{0} + ... + vmcs.writes()));
}

/// A VMCS for the timed loop: each access is made, as VMREAD and VMWRITE are, and none is recorded.
class PlainVmcs {
  public:
    PlainVmcs() = default;
    explicit PlainVmcs(const vmx::testing::FakeVmcs& from) { *this = from; }
    PlainVmcs& operator=(const vmx::testing::FakeVmcs& from) {
        for (usize i = 0; i < vmx::field_count; ++i) values_[i] = from.peek(static_cast<vmx::FieldId>(i));
        return *this;
    }

    u64 read_raw(vmx::FieldId id) { return values_[static_cast<usize>(id)]; }
    void write_raw(vmx::FieldId id, u64 value) { values_[static_cast<usize>(id)] = value; }

  private:
    volatile u64 values_[vmx::field_count]{};
};

static_assert(vmx::VmcsAccessor<PlainVmcs>);

/// Counts one call on the recording fake, then times the same call on the plain one. `call` takes either.
template <class Call>
void count_and_measure(benchmark::State& state, const vmx::testing::FakeVmcs& vmcs, Call call) {
    vmx::testing::FakeVmcs recording = vmcs;
    recording.forget_history();
    call(recording);
    report_accesses(state, recording);
    PlainVmcs plain{vmcs};
    measure(state, [&] { call(plain); });
}

}  // namespace kurma::bench
