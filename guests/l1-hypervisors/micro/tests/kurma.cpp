// Kurma's control call, and the memory that Kurma keeps. Everything here is skipped where there is no Kurma.
#include "boot/info.hpp"
#include "cpu/instructions.hpp"
#include "kurma/control_call.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "tests/user_mode.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr const char* no_kurma = "Kurma is absent";

u64 difference(Total total, const Totals& before, const Totals& after) {
    return after.of[static_cast<u64>(total)] - before.of[static_cast<u64>(total)];
}

void control_call_answers(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    report.expect("latch", 0, control_call(ControlFunction::latch_totals));
    report.expect("unknown function", control_call_refused,
                  control_call(static_cast<ControlFunction>(0x7777)));
    report.expect("unknown total", control_call_refused,
                  control_call(ControlFunction::read_total, total_count));
    report.expect("exits so far", control_call(ControlFunction::read_total, 0) > 0);
}

void control_call_does_not_count_itself(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const Totals first = latch_totals();
    const Totals second = latch_totals();
    for (u64 i = 0; i < total_count; ++i) {
        report.about(total_names[i]);
        report.expect("the same total", first.of[i], second.of[i]);
    }
}

void exits_are_counted_exactly(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    constexpr u64 count = 37;
    const Totals before = latch_totals();
    for (u64 i = 0; i < count; ++i) static_cast<void>(cpuid(0));
    const Totals after = latch_totals();
    report.expect("exits", count, difference(Total::exits, before, after));
    report.expect("resumes", count, difference(Total::vmresume, before, after));
}

void control_call_works_without_vmx(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    leave_vmx_operation();
    report.expect("latch", 0, control_call(ControlFunction::latch_totals));
}

void control_call_at_cpl_3(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    user_control_call_result = control_call_refused;
    report.expect_fault(run_in_user_mode(&user_control_call), vector_bp, 0);
    report.expect("latch", 0, user_control_call_result);
}

// From L2 a VMCALL is L1's, whatever its registers say.
void signature_in_l2_is_l1s(Report& report) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_finish));
    vcpu.registers.rax = control_call_signature;
    vcpu.registers.rcx = static_cast<u64>(ControlFunction::latch_totals);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("RAX untouched", control_call_signature, vcpu.registers.rax);
}

void kept_memory_is_not_in_the_map(Report& report) {
    HiddenMemory memory = {};
    if (!find_hidden_memory(memory)) return report.skip(no_kurma);
    constexpr u64 most = u64{64} << 20;
    report.expect("some memory", memory.size > 0);
    report.expect("less than 64 MiB", memory.size < most);
    report.expect("usable ranges that touch it", 0, usable_ranges_touching(memory.base, memory.size));
}

constexpr TestCase cases[] = {
    {"kurma-control-call", control_call_answers},
    {"kurma-control-call-free", control_call_does_not_count_itself},
    {"kurma-counts-exactly", exits_are_counted_exactly},
    {"kurma-control-call-without-vmx", control_call_works_without_vmx},
    {"kurma-control-call-at-cpl-3", control_call_at_cpl_3},
    {"kurma-signature-in-l2", signature_in_l2_is_l1s},
    {"kurma-memory-not-in-map", kept_memory_is_not_in_the_map},
};

}  // namespace

constexpr Topic kurma_tests = topic(cases);

}  // namespace micro
