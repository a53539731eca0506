// MERGE (vmx/merge.hpp): from a checked vmcs12 to the controls of vmcs02.
#include <vmx-emul/testing/vmcs12_builder.hpp>
#include <vmx/merge.hpp>

#include "measure.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;
using testing::FakeVmcs;

const Capabilities host = testing::haswell();
const Capabilities offered = offer(host, Policy{});

const Placement02 place{.msr_bitmap = ept::Hpa{0x7'1000},
                        .io_bitmap_a = ept::Hpa{0x7'2000},
                        .io_bitmap_b = ept::Hpa{0x7'3000},
                        .virtual_apic = ept::Hpa{0x7'4000},
                        .apic_access = ept::Hpa{0x7'5000},
                        .vmread_bitmap = ept::Hpa{0x7'8000},
                        .vmwrite_bitmap = ept::Hpa{0x7'9000},
                        .eptp = Eptp::make(ept::Hpa{0x7'6000}),
                        .vpid = 0x77};
constexpr Inherited of_l1{.efer = 0xd01, .pat = testing::sample::pat, .debugctl = 0, .dr7 = 0x400};

CheckedVmcs12 proof_of(Vmcs12& v) {
    CheckResult failure{};
    VmInstructionError error{};
    const auto proof = Checker::check(v, offered, L1Mode::ia32e, failure, error);
    require(proof.has_value(), name_of(failure.failed));
    return *proof;
}

/// What of vmcs12 L1 wrote since the last entry.
enum class Written : u8 { nothing, one_field, everything };

Vmcs12 written(Written what) {
    Vmcs12 v = testing::valid_vmcs12(offered);
    if (what == Written::one_field) v.dirty.add(FieldId::tsc_offset);
    if (what == Written::everything) v.dirty = all_home12;
    return v;
}

void same(benchmark::State& state, Written what) {
    Vmcs12 v = written(what);
    const CheckedVmcs12 proof = proof_of(v);
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs02) { merge_same(proof, vmcs02); });
}
BENCHMARK_CAPTURE(same, nothing, Written::nothing)->Name("merge/same_fields/nothing_written");
BENCHMARK_CAPTURE(same, one, Written::one_field)->Name("merge/same_fields/one_written");
BENCHMARK_CAPTURE(same, everything, Written::everything)->Name("merge/same_fields/all_written");

/// `fresh`: vmcs02 has none of the five control words yet.
void computed(benchmark::State& state, bool fresh) {
    Vmcs12 v = written(Written::nothing);
    const CheckedVmcs12 proof = proof_of(v);
    const Controls02 before = fresh ? Controls02{} : merge_controls(v, host);
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs02) {
        Controls02 present = before;
        merge_computed(proof, host, place, vmcs02, present);
    });
}
BENCHMARK_CAPTURE(computed, fresh, true)->Name("merge/computed_controls/first_entry");
BENCHMARK_CAPTURE(computed, present, false)->Name("merge/computed_controls/present_in_vmcs02");

/// What vmcs02 has already of the registers that an entry loads: nothing, or all, since the last exit left
/// them there.
enum class Kept : u8 { nothing, all };

void entry(benchmark::State& state, Kept kept, InterruptionInfo event) {
    Vmcs12 v = written(Written::nothing);
    v.set(field::entry_interruption_info, event);
    if (kept == Kept::all)
        for (const FieldId id :
             {FieldId::guest_efer, FieldId::guest_pat, FieldId::guest_dr7, FieldId::guest_debugctl})
            v.in_vmcs02.add(id);
    const CheckedVmcs12 proof = proof_of(v);
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs02) { merge_entry(proof, of_l1, Known02{}, vmcs02); });
}
constexpr u8 some_vector = 0x40;
BENCHMARK_CAPTURE(entry, first, Kept::nothing, InterruptionInfo{})->Name("merge/entry/nothing_kept");
BENCHMARK_CAPTURE(entry, again, Kept::all, InterruptionInfo{})->Name("merge/entry/all_kept");
BENCHMARK_CAPTURE(entry, event, Kept::all,
                  InterruptionInfo::make(EventType::external_interrupt, some_vector, false))
    ->Name("merge/entry/injecting_an_interrupt");

/// The room as a whole, as for the first entry with a vmcs12.
void whole(benchmark::State& state) {
    Vmcs12 v = written(Written::everything);
    const CheckedVmcs12 proof = proof_of(v);
    count_and_measure(state, FakeVmcs{}, [&](auto& vmcs02) {
        Controls02 present{};
        merge_same(proof, vmcs02);
        merge_computed(proof, host, place, vmcs02, present);
        merge_entry(proof, of_l1, Known02{}, vmcs02);
    });
}
BENCHMARK(whole)->Name("merge/first_entry");

/// L0's bits over a copy of L1's bitmap page, which the caller has made.
void bitmap(benchmark::State& state) {
    std::vector<u64> of_l0(512), page(512);
    of_l0[0] = of_l0[7] = of_l0[511] = 1;
    Intercepts01 intercepts;
    require(intercepts.take(of_l0.data(), of_l0.size()), "three words are few enough");
    measure(state, [&] { intercepts.add_to(page.data()); });
}
BENCHMARK(bitmap)->Name("merge/bitmap_page");

}  // namespace
}  // namespace kurma::bench
