// probe: what each exit costs, measured from inside a small guest of this Linux's KVM.
//
//   probe         measures everything and prints one `cost` line per operation
//   probe OP      measures this operation alone
//   probe ticks   prints the time-stamp counter, for scripts that time the boot
//   probe drain   returns when the console has sent all that was written to it (do so before a power-off)
#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "machine.hpp"
#include "report.hpp"

namespace kurma::probe {
namespace {

constexpr u32 repetitions = 200;
constexpr u32 interrupts = 48;
constexpr u32 empty_runs = 5;

// Two rows of pages: one that L1 must find memory for, one whose memory L1 has already.
constexpr u64 fresh_pages_at = touch_region_at;
constexpr u64 populated_pages_at = touch_region_at + max_repetitions * touch_stride;

struct Row {
    const char* name;
    Order order;
};

constexpr Row rows[] = {
    {"cpuid", {Operation::cpuid, repetitions}},
    {"vmcall", {Operation::vmcall, repetitions}},
    {"rdmsr-trapped", {Operation::rdmsr_trapped, repetitions}},
    {"rdmsr-direct", {Operation::rdmsr_direct, repetitions}},
    {"wrmsr-trapped", {Operation::wrmsr_trapped, repetitions}},
    {"wrmsr-direct", {Operation::wrmsr_direct, repetitions}},
    {"out-user", {Operation::out_user, repetitions}},
    {"in-user", {Operation::in_user, repetitions}},
    {"mmio-user", {Operation::mmio_user, repetitions}},
    {"hlt-user", {Operation::hlt_user, repetitions}},
    {"mov-cr0", {Operation::mov_cr0, repetitions}},
    {"mov-cr0-direct", {Operation::mov_cr0_direct, repetitions}},
    {"mov-cr3", {Operation::mov_cr3, repetitions}},
    {"mov-cr4", {Operation::mov_cr4, repetitions}},
    {"mov-cr4-direct", {Operation::mov_cr4_direct, repetitions}},
    {"xsetbv", {Operation::xsetbv, repetitions}},
    {"first-touch-l1-maps", {Operation::touch, repetitions, populated_pages_at}},
    {"first-touch-l1-allocates", {Operation::touch, repetitions, fresh_pages_at}},
    {"first-touch-l0-fills", {Operation::touch, repetitions, populated_pages_at}},
    {"interrupt", {Operation::interrupt, interrupts}},
};

// What a measurement of nothing costs: in ticks, and in what L0 does for the guest's two signals.
struct Empty {
    u64 ticks;
    std::optional<Counts> counts;
};

// The first run also touches everything that later ones use. Of the others the least counts: more was an
// interrupt.
Empty measure_nothing(Machine& machine) {
    machine.run({Operation::none, max_repetitions});
    Empty empty{~u64{0}, std::nullopt};
    for (u32 i = 0; i < empty_runs; ++i) {
        const std::optional<Counts> counts = machine.run({Operation::none, repetitions});
        empty.ticks = std::min(empty.ticks, summarize(machine.samples(), repetitions).median);
        if (!empty.counts || (counts && counts->totals.front() < empty.counts->totals.front()))
            empty.counts = counts;
    }
    return empty;
}

// The cost line, and where Kurma is also the kinds of exits.
std::vector<std::string> measure(Machine& machine, const Row& row, const Empty& empty) {
    const std::string name = row.name;
    if (name == "first-touch-l1-maps") machine.populate(row.order.touch_base, row.order.repetitions);
    if (name == "first-touch-l0-fills") machine.flush_translations();
    const std::optional<Counts> all = machine.run(row.order);
    const Summary ticks = summarize(machine.samples(), row.order.repetitions);
    // The guest has taken its own loop out of an interrupt's gap.
    const u64 empty_ticks = row.order.operation == Operation::interrupt ? 0 : empty.ticks;
    const Summary own = less(ticks, empty_ticks);
    if (!all) return {cost_line(name, row.order.repetitions, own, std::nullopt)};
    const Counts counted = less(*all, *empty.counts);
    return {cost_line(name, row.order.repetitions, own, counted.totals),
            kinds_line(name, row.order.repetitions, counted.kinds)};
}

// Lines are printed when all is measured: the console's own interrupts would disturb the guest.
void print_all(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) std::puts(line.c_str());
    std::fflush(stdout);
}

// Every row, or the one that has this name.
int measure_rows(const std::string& only) {
    const auto wanted = [&](const Row& row) { return only.empty() || only == row.name; };
    if (std::none_of(std::begin(rows), std::end(rows), wanted)) {
        std::printf("probe: ERROR: there is no operation %s\n", only.c_str());
        return 2;
    }
    std::vector<std::string> lines;
    try {
        Machine machine;
        const Empty empty = measure_nothing(machine);
        for (const Row& row : rows) {
            if (!wanted(row)) continue;
            if (row.order.operation == Operation::xsetbv && !machine.has_xsave()) {
                lines.emplace_back("probe: xsetbv is left out: KVM offers no XSAVE here");
                continue;
            }
            for (std::string& line : measure(machine, row, empty)) lines.push_back(std::move(line));
        }
    } catch (const std::exception& error) {
        print_all(lines);
        std::printf("probe: ERROR: %s\n", error.what());
        return 1;
    }
    print_all(lines);
    return 0;
}

}  // namespace
}  // namespace kurma::probe

int main(int count, char** words) {
    if (count == 1) return kurma::probe::measure_rows("");
    if (count == 2 && std::string(words[1]) == "ticks") {
        std::printf("%llu\n", __rdtsc());
        return 0;
    }
    if (count == 2 && std::string(words[1]) == "drain") return tcdrain(STDOUT_FILENO) == 0 ? 0 : 1;
    if (count == 2 && words[1][0] != '-') return kurma::probe::measure_rows(words[1]);
    std::puts("usage: probe [OP | ticks | drain]");
    return 2;
}
