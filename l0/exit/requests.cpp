#include "requests.hpp"

#include "../boot/words.hpp"
#include "../hw/cpu.hpp"
#include "../perf/counter.hpp"
#include "../trace/report.hpp"
#include "knobs.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

constexpr std::string_view usage =
    "ask one of: list | get [KNOB] | set KNOB=VALUE | stats [--json] | reset | trace on|off | turns "
    "[--json]\n";
constexpr std::string_view cut_line = "\ncut: this answer is longer than the room that Kurma has for one\n";

void put_value(Out& out, const auto& value) {
    if constexpr (requires { name_of(value); })
        out.put(name_of(value));
    else
        out.put_decimal(value);
}

Verdict refuse(Out& out, const auto&... parts) {
    out.words(parts..., '\n');
    return Verdict::refused;
}

Verdict list(Out& out, const Policy& policy) {
    for_each_knob(policy, [&](const KnobRow& row, const auto& value, const auto& initial) {
        out.words(row.name, '\t');
        put_value(out, value);
        out.put('\t');
        put_value(out, initial);
        out.words('\t', row.values, '\t', name_of(row.when), '\t', row.what, '\t', row.trades, '\n');
    });
    return Verdict::done;
}

/// One knob, or with an empty name each.
Verdict get(Out& out, const Policy& policy, std::string_view knob) {
    if (!knob.empty() && find_knob(knob) == nullptr)
        return refuse(out, "unknown knob: ", knob, "; `list` names them");
    for_each_knob(policy, [&](const KnobRow& row, const auto& value, const auto&) {
        if (!knob.empty() && knob != row.name) return;
        out.words(row.name, '=');
        put_value(out, value);
        out.put('\n');
    });
    return Verdict::done;
}

Verdict set(Cpu& cpu, Out& out, std::string_view assignment) {
    std::string_view value = assignment;
    const std::string_view knob = take_until(value, '=');
    if (knob.size() == assignment.size()) return refuse(out, "set: write KNOB=VALUE; `list` names the knobs");
    const KnobRefusal refusal = change_knob(cpu, knob, value);
    if (refusal.refused()) return refuse(out, assignment, ": ", refusal.reason, refusal.about);
    return get(out, cpu.machine->policy, knob);
}

Verdict reset(Cpu& cpu) {
    // This turn's own share of the totals is taken back to what they were when it began.
    cpu.totals = cpu.at_turn_start = {};
    cpu.trace.exits = {};
    cpu.trace.turns = 0;
    cpu.trace.rounds = 0;
    return Verdict::done;
}

Verdict show_stats(Out& out, Cpu& cpu, bool json) {
    // Without what this turn has cost so far: it will be taken back anyway.
    cpu.totals = cpu.at_turn_start;
    if (json)
        write_json(out, cpu, hw::rdtsc(), perf::event_total(cpu), Trace::shown);
    else
        write_stats(out, cpu.totals, cpu.trace);
    return Verdict::done;
}

Verdict show_turns(Out& out, const Cpu& cpu, bool json) {
    if (cpu.machine->policy.trace != TraceLevel::turns && cpu.trace.turns == 0)
        return refuse(out, "no turns are recorded; say `trace on` first");
    if (json)
        write_turns_json(out, cpu.trace);
    else
        write_turns(out, cpu.trace, "");
    return Verdict::done;
}

Verdict perform(Cpu& cpu, Out& out, std::string_view request) {
    std::string_view rest = request;
    const std::string_view verb = take_until(rest, ' ');
    const bool plain = rest.empty(), json = rest == "--json";
    if (verb == "list" && plain) return list(out, cpu.machine->policy);
    if (verb == "get") return get(out, cpu.machine->policy, rest);
    if (verb == "set") return set(cpu, out, rest);
    if (verb == "stats" && (plain || json)) return show_stats(out, cpu, json);
    if (verb == "reset" && plain) return reset(cpu);
    if (verb == "trace" && rest == "on") return set(cpu, out, "trace=turns");
    if (verb == "trace" && rest == "off") return set(cpu, out, "trace=counters");
    if (verb == "turns" && (plain || json)) return show_turns(out, cpu, json);
    out.words("unknown request: ", request, "; ", usage);
    return Verdict::refused;
}

}  // namespace

Verdict perform_request(Cpu& cpu) {
    ControlCall& control = cpu.control;
    const std::string_view request{control.request.data(), control.request_length};
    Out out{control.answer, ControlCall::answer_capacity - cut_line.size()};
    const Verdict verdict = control.request_too_long
                                ? refuse(out, "the request is longer than ", control.request.size(),
                                         " bytes, which none of Kurma's is; begin it anew")
                                : perform(cpu, out, request);
    control.begin();
    control.answer_length = out.length();
    if (!out.was_cut()) return verdict;
    Out rest{control.answer + out.length(), cut_line.size()};
    rest.put(cut_line);
    control.answer_length += rest.length();
    return Verdict::cut;
}

}  // namespace kurma::l0
