// kurma-ctl: the knobs, counters and recorded turns of the Kurma below this machine.
#include "control_call.hpp"
#include "list.hpp"
#include "output.hpp"

namespace kurma::ctl {
namespace {

enum Status { success = 0, refused = 1, bad_arguments = 2, no_kurma = 3 };

constexpr std::string_view help =
    R"(kurma-ctl: knobs, counters and recorded turns of the Kurma below this machine. Any user may ask.

  kurma-ctl list              the knobs: value, default, values, when each may change, what it does and trades
  kurma-ctl get [KNOB]        KNOB=VALUE, of one or of all
  kurma-ctl set KNOB=VALUE    changes one, from the next exit on
  kurma-ctl stats [--json]    what Kurma has executed, and its exits by reason, room and why, the most frequent first
  kurma-ctl reset             begins totals, counters and recorded turns anew
  kurma-ctl trace on|off      records each exit (knob trace=turns), or goes back to counting (trace=counters)
  kurma-ctl turns [--json]    the last 256 recorded exits

What does an operation cost?        kurma-ctl reset; linux-l2; kurma-ctl stats
What does VMCS shadowing save?      the same after kurma-ctl set vmcs_access=trap
What happened last?                 kurma-ctl trace on; linux-l2; kurma-ctl turns

Exit status: 0 done; 1 Kurma refused, and says why; 2 wrong arguments; 3 this machine does not run on Kurma.
)";

constexpr std::string_view usage =
    "kurma-ctl: write kurma-ctl list | get [KNOB] | set KNOB=VALUE | stats [--json] | reset | trace on|off | "
    "turns [--json]; --help tells more\n";

struct Command {
    std::string_view name;
    int fewest_words, most_words;
    std::string_view allowed_words[2];
};

/// Words are those after the command; where none is allowed by name, any is.
constexpr Command commands[] = {
    {"list", 0, 0, {}},          {"get", 0, 1, {}},   {"set", 1, 1, {}},
    {"stats", 0, 1, {"--json"}}, {"reset", 0, 0, {}}, {"trace", 1, 1, {"on", "off"}},
    {"turns", 0, 1, {"--json"}},
};

bool fits(const Command& command, int count, const char* const* words) {
    if (words[0] != command.name) return false;
    const int more = count - 1;
    if (more < command.fewest_words || more > command.most_words) return false;
    if (more == 0 || command.allowed_words[0].empty()) return true;
    return words[1] == command.allowed_words[0] || words[1] == command.allowed_words[1];
}

Status run(int count, const char* const* words) {
    if (count == 1 && (words[0] == std::string_view{"--help"} || words[0] == std::string_view{"-h"})) {
        write_all(standard_output, help);
        return success;
    }
    bool known = false;
    for (const Command& command : commands) known = known || (count > 0 && fits(command, count, words));
    if (!known) {
        write_all(standard_error, usage);
        return bad_arguments;
    }
    if (!kurma_is_present()) {
        write_all(standard_error,
                  "kurma-ctl: this machine does not run on Kurma (CPUID leaf 40000000H says so)\n");
        return no_kurma;
    }
    const Answer answer = ask(words, static_cast<usize>(count));
    if (answer.verdict == Verdict::refused) {
        write_all(standard_error, "kurma-ctl: ");
        write_all(standard_error, answer.text);
        return refused;
    }
    const bool is_list = words[0] == std::string_view{"list"};
    const bool printed = is_list ? print_list(answer.text) : write_all(standard_output, answer.text);
    return printed && answer.verdict == Verdict::done ? success : refused;
}

}  // namespace
}  // namespace kurma::ctl

extern "C" int kurma_ctl(int count, const char* const* words) {
    return kurma::ctl::run(count > 0 ? count - 1 : 0, words + 1);
}
