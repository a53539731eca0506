#include "costs/costs.hpp"

#include "base/memory.hpp"
#include "console/console.hpp"
#include "cpu/power.hpp"
#include "vmx/controls.hpp"

namespace micro {

using namespace kit;
namespace {

u64 samples[sample_count];

// The one row that is to be run, if not all are to be measured.
struct Chosen {
    const char* level = nullptr;
    const char* operation = nullptr;
} chosen;

struct Summary {
    u64 min, median, max;
};

// Too large for the stack: before and after, of the empty series and of the full one.
struct KindsOfSeries {
    ExitKinds before, after;
    u64 difference(u64 kind, u64 reason) const { return after.of[kind][reason] - before.of[kind][reason]; }
} empty_kinds, full_kinds;

struct Series {
    Summary ticks;
    Totals totals;  // of all turns together
};

// On a machine where ticks are time, a lucky sample may be shorter than the typical empty pair; that is
// "nothing", not a huge number. So it is with a hardware event.
u64 without(u64 count, u64 overhead) { return count > overhead ? count - overhead : 0; }

void sort(u64* values, u64 count) {
    for (u64 i = 1; i < count; ++i) {
        const u64 value = values[i];
        u64 at = i;
        for (; at > 0 && values[at - 1] > value; --at) values[at] = values[at - 1];
        values[at] = value;
    }
}

Series run_series(LoopFunction* loop, const Runner& runner, KindsOfSeries& kinds) {
    Series series = {};
    count_exit_kinds(kinds.before);
    const Totals before = latch_totals();
    runner.run(runner.context, loop, samples, sample_count);
    const Totals after = latch_totals();
    count_exit_kinds(kinds.after);
    for (u64 i = 0; i < total_count; ++i) series.totals.of[i] = after.of[i] - before.of[i];
    series.totals.event = after.have_event() ? after.event - before.event : control_call_refused;
    sort(samples, sample_count);
    series.ticks = {samples[0], samples[sample_count / 2], samples[sample_count - 1]};
    return series;
}

// A line of its own: the exits of all operations together, by kind and number of the reason, without those of
// which there were none.
void print_kinds(const char* level, const char* operation) {
    print("kinds l1=micro level=", level, " op=", operation, " n=", sample_count);
    for (u64 kind = 0; kind < exit_kind_count; ++kind) {
        for (u64 reason = 0; reason < exit_reason_count; ++reason) {
            const bool is_control_call =
                kind == static_cast<u64>(ExitKind::of_l1) && reason == reason::vmcall;
            const u64 all = full_kinds.difference(kind, reason), empty = empty_kinds.difference(kind, reason);
            if (all > empty && !is_control_call)
                print(" ", exit_kind_names[kind], ".", reason, "=", all - empty);
        }
    }
    print("\n");
}

// Ends the machine after it: what other rows prepare would be the last that a trace has.
void run_if_chosen(const char* level, const char* operation, const Loop& loop, const Runner& runner) {
    if (!same_text(level, chosen.level) || !same_text(operation, chosen.operation)) return;
    runner.run(runner.context, loop.with, samples, warm_up_count);
    runner.run(runner.context, loop.with, samples, sample_count);
    print("rounds level=", level, " op=", operation, " n=", sample_count, "\nmicro: done\n");
    power_off();
}

}  // namespace

void measure(const char* level, const char* operation, const Loop& loop, const Runner& runner) {
    if (chosen.operation != nullptr) return run_if_chosen(level, operation, loop, runner);
    // The empty series also has the entry of L2 and its last exit, so the difference of the totals is the
    // operations' alone.
    runner.run(runner.context, loop.without, samples, warm_up_count);
    const Series empty = run_series(loop.without, runner, empty_kinds);
    runner.run(runner.context, loop.with, samples, warm_up_count);
    const Series full = run_series(loop.with, runner, full_kinds);
    const u64 overhead = empty.ticks.median;
    print("cost l1=micro level=", level, " op=", operation, " n=", sample_count,
          " min=", without(full.ticks.min, overhead), " median=", without(full.ticks.median, overhead),
          " max=", without(full.ticks.max, overhead));
    if (kurma_is_present()) {
        for (u64 i = 0; i < total_count; ++i)
            print(" ", total_names[i], "=", full.totals.of[i] - empty.totals.of[i]);
        if (full.totals.have_event()) print(" event=", without(full.totals.event, empty.totals.event));
    }
    print("\n");
    if (kurma_is_present()) print_kinds(level, operation);
}

void print_costs() {
    print_l1_costs();
    print_l2_costs();
}

void run_operation(const char* level, const char* operation) {
    chosen = {.level = level, .operation = operation};
    print_costs();
    print("micro: ERROR: no operation of ", level, " is called ", operation, "\n");
}

}  // namespace micro
