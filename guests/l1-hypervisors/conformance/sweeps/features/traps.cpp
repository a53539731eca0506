// The monitor trap flag and exits of PAUSE loops, as far as they do not depend on time (SDM
// 3C 26.5.2, 26.1.3).
#include "l2/snippets.hpp"
#include "sweeps/features/features.hpp"

namespace conformance::features {

extern "C" const Form forms_pauses[];

namespace {

// An L1 that asks for the trap gets one exit after each of these steps.
void single_steps() {
    constexpr int steps = 6;
    constexpr VcpuOptions options = {.primary = primary::monitor_trap};
    const bool offered = is_offered(options);
    if (offered) fresh(&l2_sti_nops, options);
    for (int step = 0; step < steps; ++step) {
        const Text name("monitor-trap/step-", static_cast<u32>(step));
        if (offered)
            print_entry(topic, name, the_vcpu());
        else
            print_absent(topic, name);
    }
}

// A pending trap as an event: "other event", vector 0 (SDM 3C 27.7.2).
void injected_trap() {
    constexpr u32 other_event = 7u << 8;
    const Text name("monitor-trap/injected");
    if (!is_offered({.primary = primary::monitor_trap})) return print_absent(topic, name);
    Vcpu& vcpu = fresh(&l2_nothing);
    vmwrite(field::entry_interruption_information, interruption::valid | other_event);
    print_entry(topic, name, vcpu);
}

struct Loop {
    const char* name;
    u32 primary, secondary, gap, window;
};

// The extremes only: a window that no loop outlasts, and PAUSE exiting, which wins.
constexpr Loop loops[] = {
    {"endless-window", 0, secondary::pause_loop, 0xFFFFFFFF, 0xFFFFFFFF},
    {"no-gap", 0, secondary::pause_loop, 0, 0},
    {"pause-exiting-too", primary::pause, secondary::pause_loop, 0xFFFFFFFF, 0xFFFFFFFF},
};

void pause_loop(const Loop& loop, bool user) {
    const Text name("pause-loop/", loop.name, user ? "/user" : "/kernel");
    const VcpuOptions options = {.primary = loop.primary, .secondary = loop.secondary};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(forms_pauses[0].code, options);
    vmwrite(field::ple_gap, loop.gap);
    vmwrite(field::ple_window, loop.window);
    if (user) run_at_user_level();
    print_entry(topic, name, vcpu);
}

}  // namespace

void sweep_traps() {
    single_steps();
    injected_trap();
    for (const Loop& loop : loops)
        for (const bool user : {false, true}) pause_loop(loop, user);
}

}  // namespace conformance::features
