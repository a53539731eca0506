#include "base/memory.hpp"
#include "console/console.hpp"
#include "cpu/instructions.hpp"
#include "random/arena.hpp"
#include "random/case.hpp"
#include "random/processor.hpp"
#include "random/random.hpp"
#include "random/trial.hpp"

namespace conformance {

using namespace kit;

namespace random {
namespace {

constinit Trial trial;
constinit Case current_case;

u64 number_from(const CommandLine& command_line, const char* knob, u64 otherwise) {
    char text[32] = "";
    if (!command_line.find(knob, text, sizeof text)) return otherwise;
    const bool hexadecimal = starts_with(text, "0x");
    u64 value = 0;
    for (const char* digit = text + (hexadecimal ? 2 : 0); *digit != 0; ++digit) {
        const u64 base = hexadecimal ? 16 : 10;
        const char letter = static_cast<char>(*digit | 0x20);
        const u64 worth =
            *digit <= '9' ? static_cast<u64>(*digit - '0') : static_cast<u64>(letter - 'a' + 10);
        if (worth >= base) give_up("a number on the command line is none");
        value = value * base + worth;
    }
    return value;
}

// Memory as it was before the case.
void put_changes_back(const Case& c) {
    bool in_ept = false;
    for (u64 i = c.change_count; i-- > 0;) {
        *c.changes[i].word = c.changes[i].before;
        in_ept = in_ept || c.changes[i].in_ept;
    }
    const bool with_flags =
        (c.fields[Slot::eptp] & ept_flags_enabled) != 0 || uses(c, secondary::vm_functions);
    if (uses(c, secondary::ept) && with_flags) {
        clear_ept_flags();
        in_ept = true;
    }
    if (in_ept) flush_ept();
}

struct Options {
    u64 seed, first, count;
    u64 mutations, last_mutations;  // each case once for every mask of mutations from the one to the other
    bool detail;
};

Options options_from(const CommandLine& command_line) {
    const u64 mutations = number_from(command_line, "mutations", ~u64{0});
    return {.seed = number_from(command_line, "seed", 1),
            .first = number_from(command_line, "first", 0),
            .count = number_from(command_line, "count", 1000),
            .mutations = mutations,
            .last_mutations = number_from(command_line, "last-mutations", mutations),
            .detail = number_from(command_line, "detail", 0) != 0};
}

void prepare() {
    look_at_processor();
    build_host_tables();
    build_arena();
    trial.prepare();
}

// What the case enters with, after all: by that a difference is understood.
void print_entered(const Case& c) {
    print("random ", c.index, ": entered ", c.instruction->name);
    for (const Slot slot :
         {Slot::pin_controls, Slot::primary_controls, Slot::secondary_controls, Slot::exit_controls,
          Slot::entry_controls, Slot::guest_cr0, Slot::guest_cr4, Slot::guest_rflags, Slot::exception_bitmap,
          Slot::entry_interruption_information, Slot::guest_activity, Slot::guest_interruptibility})
        print(" ", name_of(slot), "=", hex(c.fields[slot]));
    print("\n");
}

Outcome run_case(const Options& options, u64 index, u64 mutations) {
    Case& c = current_case;
    const Chance chance(mixed(mixed(options.seed) ^ index));
    c = {};
    c.index = index;
    clean_arena();
    Chance base = chance.child(max_mutations + 1);
    make_base(c, base);
    if (options.detail)
        print("random ", index, ": base ", mode_names[static_cast<usize>(c.mode)], c.user ? " user" : "",
              c.with_ept ? " ept" : "", c.unrestricted ? " unrestricted" : "", c.with_vpid ? " vpid" : "",
              c.resume ? " vmresume " : " vmlaunch ", c.instruction->name, "\n");
    mutate(c, chance, mutations, options.detail);
    keep_within_bounds(c);
    if (options.detail) print_entered(c);
    place_instruction(c.instruction->bytes, c.instruction->length);
    const Outcome outcome = trial.run(c);
    put_changes_back(c);
    return outcome;
}

void print_answer(u64 index, const Outcome& outcome) {
    switch (outcome.kind) {
        case Outcome::Kind::failed_invalid: print("random ", index, ": answer VMfailInvalid"); break;
        case Outcome::Kind::failed_valid: print("random ", index, ": answer VMfailValid"); break;
        case Outcome::Kind::exited: print("random ", index, ": answer exit"); break;
        case Outcome::Kind::watchdog: print("random ", index, ": answer watchdog"); break;
    }
    trial.answer().print_values();
    print("\n");
}

}  // namespace
}  // namespace random

void run_random(const CommandLine& command_line) {
    using namespace random;
    const Options options = options_from(command_line);
    prepare();
    for (u64 index = options.first; index < options.first + options.count; ++index) {
        for (u64 mask = options.mutations;; ++mask) {
            const Outcome outcome = run_case(options, index, mask);
            if (options.detail) print_answer(index, outcome);
            print("random ", index, " ", hex(trial.answer().hash()), "\n");
            if (mask >= options.last_mutations) break;
        }
    }
    print("conformance: end\n");
}

void run_random_summary(const CommandLine& command_line) {
    using namespace random;
    const Options options = options_from(command_line);
    constexpr usize basic_reasons = 128, errors = 64;
    static u64 exits[basic_reasons], failed_entries[basic_reasons], failures[errors], watchdogs;
    prepare();
    for (u64 index = options.first; index < options.first + options.count; ++index) {
        const Outcome outcome = run_case(options, index, options.mutations);
        const u32 basic = outcome.number & 0x7F;
        if (outcome.kind == Outcome::Kind::watchdog)
            ++watchdogs;
        else if (outcome.kind != Outcome::Kind::exited)
            ++failures[basic % errors];
        else if ((outcome.number & reason::entry_failed) != 0)
            ++failed_entries[basic];
        else
            ++exits[basic];
    }
    for (usize i = 0; i < errors; ++i)
        if (failures[i] != 0) print("random-summary: VM-instruction error ", u64{i}, ": ", failures[i], "\n");
    for (usize i = 0; i < basic_reasons; ++i)
        if (failed_entries[i] != 0)
            print("random-summary: failed entry ", u64{i}, ": ", failed_entries[i], "\n");
    for (usize i = 0; i < basic_reasons; ++i)
        if (exits[i] != 0) print("random-summary: exit reason ", u64{i}, ": ", exits[i], "\n");
    if (watchdogs != 0) print("random-summary: watchdog: ", watchdogs, "\n");
    print("conformance: end\n");
}

}  // namespace conformance
