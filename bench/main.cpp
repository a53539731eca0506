// Runs the benches: Google Benchmark's flags, and --counters=EVENT,... for the processor's counters.
#include <algorithm>
#include <cstring>
#include <optional>

#include "hardware_counters.hpp"

namespace kurma::bench {

namespace {

std::optional<HardwareCounters> counters_of_this_run;

/// Takes --counters=... out of the arguments, which Google Benchmark would not know.
std::string_view take_counter_names(int& argc, char** argv) {
    constexpr std::string_view flag = "--counters=";
    std::string_view names = "instructions,cycles";
    char** const end = std::remove_if(argv + 1, argv + argc, [&](const char* argument) {
        if (!std::string_view{argument}.starts_with(flag)) return false;
        names = std::string_view{argument}.substr(flag.size());
        return true;
    });
    argc = static_cast<int>(end - argv);
    return names;
}

}  // namespace

HardwareCounters& hardware_counters() { return *counters_of_this_run; }

}  // namespace kurma::bench

int main(int argc, char** argv) {
    using namespace kurma::bench;
    counters_of_this_run.emplace(take_counter_names(argc, argv));
    // The context stands above the table and in the JSON, so that no result goes without it.
    benchmark::AddCustomContext("hardware counters", hardware_counters().note());
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
    if (benchmark::RunSpecifiedBenchmarks() == 0) return EXIT_FAILURE;
    benchmark::Shutdown();
    return EXIT_SUCCESS;
}
