// DECODE (vmx/instruction.hpp): the field that an encoding of L1's names; an operand's linear address.
#include "quiet_world.hpp"

namespace kurma::bench {
namespace {

using namespace vmx;
namespace gpr = testing::gpr;
using testing::FakeWorld;

void field_of_encoding(benchmark::State& state, u64 encoding, bool found) {
    require(find_field(encoding).found == found, "whether the encoding names a field");
    measure(state, [&] {
        benchmark::DoNotOptimize(encoding);
        benchmark::DoNotOptimize(find_field(encoding));
    });
}
constexpr u64 high_half_of_efer = field::guest_efer.encoding.raw | 1, no_field = 0x6c18;
BENCHMARK_CAPTURE(field_of_encoding, guest_rip, field::guest_rip.encoding.raw, true)
    ->Name("decode/field/natural_width");
BENCHMARK_CAPTURE(field_of_encoding, high, high_half_of_efer, true)->Name("decode/field/high_half");
BENCHMARK_CAPTURE(field_of_encoding, none, no_field, false)->Name("decode/field/unknown");

/// Through L1's segments alone, or through its four levels of page tables too.
enum class Until : u8 { linear, loaded };

void operand_in_memory(benchmark::State& state, Until until) {
    const auto decode = [&](auto& world) {
        const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
        const instr::LinearOperand linear = instr::linear_operand(world, info, 8, instr::DataAccess::read);
        return linear.ok && (until == Until::linear || instr::load(world, linear.address, 8).ok);
    };
    const auto prepare = [](FakeWorld& world) {
        world.make_current();
        world.operand({.base = gpr::rbx, .index = gpr::rcx, .scale = 3});
        world.set_gpr(gpr::rbx, FakeWorld::operand_at);
        world.set_gpr(gpr::rcx, 2);
    };
    FakeWorld recording{testing::haswell()};
    prepare(recording);
    recording.vmcs01().forget_history();
    recording.forget_reads();
    require(decode(recording), "the operand lies in L1's memory");
    report_accesses(state, recording.vmcs01());
    state.counters["reads_of_L1"] = static_cast<double>(recording.reads().size());

    QuietWorld quiet{testing::haswell()};
    prepare(quiet);
    quiet.settle();
    measure(state, [&] { benchmark::DoNotOptimize(decode(quiet)); });
}
BENCHMARK_CAPTURE(operand_in_memory, linear, Until::linear)->Name("decode/operand/linear_address");
BENCHMARK_CAPTURE(operand_in_memory, loaded, Until::loaded)->Name("decode/operand/walked_and_loaded");

}  // namespace
}  // namespace kurma::bench
