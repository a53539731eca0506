// EMULATE (vmx/emulate.hpp): a VMX instruction of L1, from its operands to L1's next instruction.
#include <vmx-emul/testing/vmcs12_builder.hpp>

#include "quiet_world.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;
namespace gpr = testing::gpr;
using testing::FakeWorld;

const Capabilities offered = offer(testing::haswell(), Policy{});

/// Counts one instruction in the recording world, then times it in the quiet one. `prepare` sets up a
/// FakeWorld, `instruction` takes either.
template <class Prepare, class Instruction>
void count_and_measure_instruction(benchmark::State& state, Prepare prepare, Instruction instruction,
                                   InstrOutcome::Kind expected = InstrOutcome::Kind::succeed) {
    const auto emulate = [&](auto& world) {
        const InstrOutcome outcome = instruction(world);
        if (outcome.kind != InstrOutcome::Kind::enter_l2) finish(world, outcome);
        return outcome.kind;
    };
    FakeWorld recording{offered};
    recording.make_current();
    prepare(recording);
    recording.vmcs01().forget_history();
    testing::FakeVmcs& vmcs02 = recording.slot_of(*recording.nested().current).vmcs02;
    vmcs02.forget_history();
    recording.forget_reads();
    require(emulate(recording) == expected, "the outcome of an instruction");
    report_accesses(state, recording.vmcs01(), vmcs02);
    state.counters["reads_of_L1"] = static_cast<double>(recording.reads().size());

    QuietWorld quiet{offered};
    quiet.make_current();
    prepare(quiet);
    quiet.settle();
    require(emulate(quiet) == expected, "the same outcome without recording");
    measure(state, [&] { benchmark::DoNotOptimize(emulate(quiet)); });
}

enum class Where : u8 { in_register, in_memory };

void operand(FakeWorld& world, Where where, Encoding field) {
    world.set_gpr(gpr::rcx, field.raw);
    if (where == Where::in_register)
        world.operand({.register1 = gpr::rbx, .register2 = gpr::rcx});
    else
        world.memory_operand(FakeWorld::operand_at, gpr::rcx);
}

void vmread(benchmark::State& state, Where where, Encoding field) {
    count_and_measure_instruction(
        state, [&](FakeWorld& world) { operand(world, where, field); },
        [](auto& world) { return emulate_vmread(world); });
}
void vmwrite(benchmark::State& state, Where where, Encoding field) {
    count_and_measure_instruction(
        state, [&](FakeWorld& world) { operand(world, where, field); },
        [](auto& world) { return emulate_vmwrite(world); });
}
constexpr Encoding in_vmcs12 = field::host_rip.encoding, in_vmcs02 = field::guest_rip.encoding;
BENCHMARK_CAPTURE(vmread, image, Where::in_register, in_vmcs12)->Name("emulate/vmread/home_vmcs12");
BENCHMARK_CAPTURE(vmread, vmcs02, Where::in_register, in_vmcs02)->Name("emulate/vmread/home_vmcs02");
BENCHMARK_CAPTURE(vmread, memory, Where::in_memory, in_vmcs02)->Name("emulate/vmread/to_memory");
BENCHMARK_CAPTURE(vmwrite, image, Where::in_register, in_vmcs12)->Name("emulate/vmwrite/home_vmcs12");
BENCHMARK_CAPTURE(vmwrite, vmcs02, Where::in_register, in_vmcs02)->Name("emulate/vmwrite/home_vmcs02");
BENCHMARK_CAPTURE(vmwrite, memory, Where::in_memory, in_vmcs02)->Name("emulate/vmwrite/from_memory");

/// Between two VMCSs that are active already, or of the current one again.
void vmptrld(benchmark::State& state, u64 other) {
    constexpr u64 other_operand = FakeWorld::operand_at + 8;
    u64 pointer_at = FakeWorld::operand_at;
    count_and_measure_instruction(
        state,
        [&](FakeWorld& world) {
            world.make_current(other);
            world.make_current(FakeWorld::region_a);
            world.poke(FakeWorld::operand_at, FakeWorld::region_a);
            world.poke(other_operand, other);
            world.operand({.base = gpr::rbx});
        },
        [&](auto& world) {
            pointer_at ^= FakeWorld::operand_at ^ other_operand;
            world.set_gpr(gpr::rbx, pointer_at);
            return emulate_vmptrld(world);
        });
}
BENCHMARK_CAPTURE(vmptrld, same, FakeWorld::region_a)->Name("emulate/vmptrld/of_the_current");
BENCHMARK_CAPTURE(vmptrld, alternating, FakeWorld::region_b)->Name("emulate/vmptrld/alternating");

/// Of a VMCS that is not active. Writing an active one back is L0's work, which the fake would only imitate.
void vmclear(benchmark::State& state) {
    count_and_measure_instruction(
        state, [](FakeWorld& world) { world.pointer_operand(FakeWorld::region_c); },
        [](auto& world) { return emulate_vmclear(world); });
}
BENCHMARK(vmclear)->Name("emulate/vmclear/of_an_inactive");

/// Up to the order to drop that ept02.
void invept(benchmark::State& state) {
    constexpr u64 single_context = 1;
    count_and_measure_instruction(
        state,
        [](FakeWorld& world) {
            world.poke(FakeWorld::operand_at, testing::sample::eptp);
            world.memory_operand(FakeWorld::operand_at, gpr::rdx);
            world.set_gpr(gpr::rdx, single_context);
        },
        [](auto& world) { return emulate_invept(world); });
}
BENCHMARK(invept)->Name("emulate/invept/single_context");

/// Up to the checks.
void vmresume(benchmark::State& state) {
    count_and_measure_instruction(
        state, [](FakeWorld& world) { world.nested().current->launched = true; },
        [](auto& world) { return emulate_vm_entry(world, Reason::vmresume); }, InstrOutcome::Kind::enter_l2);
}
BENCHMARK(vmresume)->Name("emulate/vmresume");

}  // namespace
}  // namespace kurma::bench
