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
                  control_call(ControlFunction::read_total, event_index + 1));
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

bool equal(const char* one, const char* two) {
    for (; *one == *two; ++one, ++two)
        if (*one == 0) return true;
    return false;
}

bool begins_with(const char* text, const char* beginning) {
    for (; *beginning != 0; ++text, ++beginning)
        if (*text != *beginning) return false;
    return true;
}

/// An answer as far as these cases look at it.
struct Text {
    char text[256];
};

/// Without its line end.
Text last_answer() {
    Text answer;
    read_answer(answer.text, sizeof answer.text);
    for (char& c : answer.text)
        if (c == '\n') c = 0;
    return answer;
}

Text answer_to(const char* words, const char* more_words = "") {
    ask(words, more_words);
    return last_answer();
}

u64 exits_of(ExitKind kind, u64 of_reason) {
    return control_call(ControlFunction::exits_of_kind, static_cast<u64>(kind) << 8 | of_reason);
}

void exits_are_counted_by_kind(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    // trace=off keeps no counters by kind, so that none may move then.
    const u64 counted = begins_with(answer_to("get trace").text, "trace=off") ? 0 : 1;
    const u64 reflected = exits_of(ExitKind::of_l2_reflected, reason::cpuid);
    const u64 of_l1 = exits_of(ExitKind::of_l1, reason::cpuid);
    const u64 entries = exits_of(ExitKind::of_l1, reason::vmlaunch);
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_cpuid));
    report.expect_exit(vcpu.run(), reason::cpuid);
    static_cast<void>(cpuid(0));
    static_cast<void>(cpuid(0));
    report.expect("of L2, reflected", reflected + counted, exits_of(ExitKind::of_l2_reflected, reason::cpuid));
    report.expect("of L1", of_l1 + 2 * counted, exits_of(ExitKind::of_l1, reason::cpuid));
    report.expect("entries of L1", entries + counted, exits_of(ExitKind::of_l1, reason::vmlaunch));
    report.expect("a kind that is none", control_call_refused,
                  exits_of(static_cast<ExitKind>(exit_kind_count), reason::cpuid));
    report.expect("a reason that is none", control_call_refused, exits_of(ExitKind::of_l1, 0xff));
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

void expect_refusal(Report& report, const char* request, const char* sentence, const char* more = "") {
    report.about(request);
    report.expect("verdict", static_cast<u64>(Verdict::refused),
                  static_cast<u64>(ask(request, more).verdict));
    report.expect("its sentence", begins_with(last_answer().text, sentence));
}

void knobs_turn_while_l1_runs(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const Text before = answer_to("get ept02_keep");
    report.expect("a knob has a value", begins_with(before.text, "ept02_keep="));
    report.expect("set", set_knob("ept02_keep=3"));
    report.expect("the answer is the new value", equal(last_answer().text, "ept02_keep=3"));
    report.expect("get says so too", equal(answer_to("get ept02_keep").text, "ept02_keep=3"));
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_finish));
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("set back", set_knob(before.text));
    report.expect("as it was", equal(last_answer().text, before.text));
}

void knobs_are_refused_with_a_reason(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    expect_refusal(report, "set nosuch=1", "nosuch=1: there is no such knob");
    expect_refusal(report, "set ept02_keep=9", "ept02_keep=9: it takes 1..8");
    expect_refusal(report, "set ept02_keep=", "ept02_keep=: it takes 1..8");
    expect_refusal(report, "set trace=loud", "trace=loud: it takes off | counters | turns");
    expect_refusal(report, "set trace", "set: write KNOB=VALUE");
    expect_refusal(report, "set", "set: write KNOB=VALUE");
    expect_refusal(report, "set =", "=: there is no such knob");
    const bool ept_is_on = equal(answer_to("get offer.ept").text, "offer.ept=on");
    expect_refusal(
        report, ept_is_on ? "set offer.ept=off" : "set offer.ept=on",
        ept_is_on ? "offer.ept=off: L1 must find the same" : "offer.ept=on: L1 must find the same");
}

void requests_in_any_order(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    expect_refusal(report, "", "unknown request: ;");
    expect_refusal(report, "gets", "unknown request: gets");
    expect_refusal(report, "get nosuch", "unknown knob: nosuch");
    expect_refusal(report, "list all", "unknown request: list all");
    expect_refusal(report, "stats --xml", "unknown request: stats --xml");
    report.about("performed twice");
    ask("get trace");
    report.expect("the second time it is gone", perform_request().verdict == Verdict::refused);
    report.about("added without a beginning");
    add_to_request("get ");
    add_to_request("trace");
    report.expect("verdict", perform_request().verdict == Verdict::done);
    report.about("begun anew");
    add_to_request("nonsense");
    report.expect("forgets what was added", ask("get trace").verdict == Verdict::done);
    report.about("a byte 0 within eight");
    control_call(ControlFunction::begin_request);
    control_call(ControlFunction::add_to_request, 0x6c00746567);  // "get", 0, "l"
    report.expect("ends them", perform_request().verdict == Verdict::done);
}

void requests_too_long(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    control_call(ControlFunction::begin_request);
    for (unsigned i = 0; i < 1000; ++i) control_call(ControlFunction::add_to_request, 0x7878787878787878);
    report.expect("refused", perform_request().verdict == Verdict::refused);
    report.expect("its sentence", begins_with(last_answer().text, "the request is longer than 128 bytes"));
    report.expect("the next is answered", ask("get trace").verdict == Verdict::done);
    // 128 bytes of it fit: they are a request that nobody knows.
    control_call(ControlFunction::begin_request);
    for (unsigned i = 0; i < 16; ++i) control_call(ControlFunction::add_to_request, 0xffffffffffffffff);
    report.expect("128 bytes are refused", perform_request().verdict == Verdict::refused);
    report.expect("as unknown", begins_with(last_answer().text, "unknown request: ????"));
}

void answers_end_where_they_end(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const Answer answer = ask("get trace");
    const u64 most = ~u64{0};
    for (const u64 offset :
         {u64{answer.length}, u64{answer.length} + 1, u64{1} << 17, u64{1} << 63, most - 7, most})
        report.expect("beyond", control_call_refused, control_call(ControlFunction::read_answer, offset));
    report.expect("its last byte, and zeros", u64{'\n'},
                  control_call(ControlFunction::read_answer, u64{answer.length} - 1));
    report.expect("the next function's number", control_call_refused,
                  control_call(static_cast<ControlFunction>(10)));
}

void requests_do_not_count(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const Totals before = latch_totals();
    ask("stats --json");
    static_cast<void>(last_answer());
    const Totals after = latch_totals();
    for (u64 i = 0; i < total_count; ++i) {
        report.about(total_names[i]);
        report.expect("the same total", before.of[i], after.of[i]);
    }
}

u64 control_function_at_cpl_3(Report& report, ControlFunction function, u64 argument = 0) {
    user_control_call_function = static_cast<u64>(function);
    user_control_call_argument = argument;
    report.expect_fault(run_in_user_mode(&user_control_function), vector_bp, 0);
    return user_control_call_result;
}

void requests_at_cpl_3(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    control_function_at_cpl_3(report, ControlFunction::begin_request);
    control_function_at_cpl_3(report, ControlFunction::add_to_request, 0x20746567);    // "get "
    control_function_at_cpl_3(report, ControlFunction::add_to_request, 0x6563617274);  // "trace"
    report.expect("done", 0, control_function_at_cpl_3(report, ControlFunction::perform_request) >> 32);
    report.expect("the answer begins", 0x3d6563617274,  // "trace="
                  control_function_at_cpl_3(report, ControlFunction::read_answer) & 0xffffffffffff);
}

constexpr TestCase cases[] = {
    {"kurma-control-call", control_call_answers},
    {"kurma-control-call-free", control_call_does_not_count_itself},
    {"kurma-counts-exactly", exits_are_counted_exactly},
    {"kurma-counts-kinds", exits_are_counted_by_kind},
    {"kurma-control-call-without-vmx", control_call_works_without_vmx},
    {"kurma-control-call-at-cpl-3", control_call_at_cpl_3},
    {"kurma-knobs-turn", knobs_turn_while_l1_runs},
    {"kurma-knobs-refused", knobs_are_refused_with_a_reason},
    {"kurma-requests-in-any-order", requests_in_any_order},
    {"kurma-requests-too-long", requests_too_long},
    {"kurma-answers-end", answers_end_where_they_end},
    {"kurma-requests-free", requests_do_not_count},
    {"kurma-requests-at-cpl-3", requests_at_cpl_3},
    {"kurma-signature-in-l2", signature_in_l2_is_l1s},
    {"kurma-memory-not-in-map", kept_memory_is_not_in_the_map},
};

}  // namespace

constexpr Topic kurma_tests = topic(cases);

}  // namespace micro
