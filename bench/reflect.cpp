// REFLECT (vmx/reflect.hpp): an exit of L2 becomes an exit that L1 sees.
#include <vmx-emul/testing/vmcs12_builder.hpp>
#include <vmx/reflect.hpp>

#include "measure.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;
using testing::FakeVmcs;

const Capabilities offered = offer(testing::haswell(), Policy{});

Vmcs12 wide() { return testing::valid_vmcs12(offered); }
Vmcs12 narrow() { return testing::valid_32_bit_vmcs12(offered); }
/// Exit controls that save nothing and load neither PAT nor EFER, so that those are L2's still.
Vmcs12 frugal() {
    Vmcs12 v = wide();
    v.set(field::exit_controls, ExitControls{}.with(Exit::host_address_space_size));
    return v;
}

FakeVmcs l2_in_long_mode() {
    FakeVmcs vmcs02;
    vmcs02.set(field::guest_cr0, testing::sample::host_cr0);
    vmcs02.set(field::guest_efer, testing::sample::efer);
    vmcs02.set(field::guest_pat, testing::sample::pat);
    vmcs02.set(field::entry_controls, EntryControls{}.with(Entry::ia32e_mode_guest));
    return vmcs02;
}

void save(benchmark::State& state, Vmcs12 v) {
    count_and_measure(state, l2_in_long_mode(), [&](auto& vmcs02) { save_l2(v, vmcs02); });
}
BENCHMARK_CAPTURE(save, all, wide())->Name("reflect/save_l2/all_controls");
BENCHMARK_CAPTURE(save, none, frugal())->Name("reflect/save_l2/no_control");

/// What an exit left in vmcs02, and L1 asks for after all.
void save_at_last(benchmark::State& state) {
    Vmcs12 v = wide();
    const FieldSet left_there = saved_lazily(v);
    require(!left_there.empty(), "an exit leaves something in vmcs02");
    count_and_measure(state, l2_in_long_mode(), [&](auto& vmcs02) {
        v.in_vmcs02 = left_there;
        vmx::save_at_last(v, vmcs02);
    });
}
BENCHMARK(save_at_last)->Name("reflect/save_at_last");

void left(benchmark::State& state, const Vmcs12& v) {
    count_and_measure(state, l2_in_long_mode(),
                      [&](auto& vmcs02) { benchmark::DoNotOptimize(left_by_l2(v, vmcs02)); });
}
BENCHMARK_CAPTURE(left, loads, wide())->Name("reflect/left_by_l2/pat_and_efer_loaded");
BENCHMARK_CAPTURE(left, stays, frugal())->Name("reflect/left_by_l2/pat_and_efer_left");

void load(benchmark::State& state, const Vmcs12& v) {
    constexpr LeftByL2 of_l2{
        .cr0 = testing::sample::host_cr0, .efer = testing::sample::efer, .pat = testing::sample::pat};
    FakeVmcs loaded;
    load_l1(v, of_l2, NmiBlocking::none, loaded);
    require(loaded.get(field::guest_rip) == v.get(field::host_rip), "L1 goes on at its host RIP");
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs01) { load_l1(v, of_l2, NmiBlocking::none, vmcs01); });
}
BENCHMARK_CAPTURE(load, wide, wide())->Name("reflect/load_l1/64_bit");
BENCHMARK_CAPTURE(load, narrow, narrow())->Name("reflect/load_l1/32_bit");

/// What of vmcs12's host state an exit loads: all of it, what L1 may have changed unseen, or the rest.
void load_always(benchmark::State& state) {
    const Vmcs12 v = wide();
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs01) { load_l1_always(v, vmcs01); });
}
BENCHMARK(load_always)->Name("reflect/load_l1/what_changes_unseen");

void load_watched(benchmark::State& state) {
    const Vmcs12 v = wide();
    constexpr LeftByL2 of_l2{.cr0 = testing::sample::host_cr0};
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs01) { load_l1_watched(v, of_l2, vmcs01); });
}
BENCHMARK(load_watched)->Name("reflect/load_l1/what_is_watched");

/// The room as a whole, which reads one VMCS and writes the other: with all that an exit may save and load,
/// and as it is with nothing changed.
void whole(benchmark::State& state, bool everything) {
    Vmcs12 v = wide();
    const auto reflect = [&](auto& vmcs02, auto& vmcs01) {
        if (everything) save_l2(v, vmcs02);
        const LeftByL2 left = left_by_l2(v, vmcs02);
        note_exit(v, offered, left, vmcs02);
        if (everything)
            load_l1(v, left, NmiBlocking::none, vmcs01);
        else
            load_l1_always(v, vmcs01);
    };
    FakeVmcs vmcs02 = l2_in_long_mode(), vmcs01;
    reflect(vmcs02, vmcs01);
    report_accesses(state, vmcs02, vmcs01);
    PlainVmcs plain02{vmcs02}, plain01{vmcs01};
    measure(state, [&] { reflect(plain02, plain01); });
}
BENCHMARK_CAPTURE(whole, everything, true)->Name("reflect/exit/all_saved_and_loaded");
BENCHMARK_CAPTURE(whole, unchanged, false)->Name("reflect/exit/nothing_changed");

}  // namespace
}  // namespace kurma::bench
