// Interrupts, NMIs, their windows, and the preemption timer at zero (SDM 3C 26.2, 26.5.1, 25.6.1).
#include "sweeps/interrupts.hpp"

#include "cpu/instructions.hpp"
#include "l2/snippets.hpp"
#include "sweeps/catcher.hpp"
#include "sweeps/exits/exits.hpp"

namespace conformance::exits {

extern "C" const Form forms_nothing[], forms_windows[];

namespace {

constexpr u8 vector = 0x51;
constexpr u32 by_sti = 1, by_mov_ss = 2, by_nmi = 8;

struct State {
    const char* name;
    bool interrupts_on;
    u32 blocking;
};

constexpr State states[] = {
    {"closed", false, 0},
    {"open", true, 0},
    {"open-after-sti", true, by_sti},
    {"open-after-mov-ss", true, by_mov_ss},
    {"closed-after-mov-ss", false, by_mov_ss},
    {"open-in-nmi", true, by_nmi},
};

void put_in(const State& state) {
    vmwrite(field::guest_rflags, rflags_reserved1 | (state.interrupts_on ? rflags_if : 0));
    vmwrite(field::guest_interruptibility, state.blocking);
}

void acknowledge_on_exit(bool yes) {
    constexpr u64 control = exit_control::acknowledge_interrupt;
    const u64 controls = vmread(field::exit_controls);
    vmwrite(field::exit_controls, yes ? controls | control : controls & ~control);
}

void print(const Text& name, Vcpu& vcpu) {
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_pending_debug);
    append_caught(text);
    print_case(topic, name, text);
}

// An interrupt waits when L2 is entered.
void interrupt(const State& state, const Form& form, bool exiting, bool acknowledging) {
    const Text name("interrupt/", state.name, "/", form.name, exiting ? "/exiting" : "/free",
                    acknowledging ? "-acknowledged" : "");
    Vcpu& vcpu = fresh(form.code, {.pin = exiting ? pin::external_interrupt : 0});
    acknowledge_on_exit(acknowledging);
    catch_events();
    put_in(state);
    make_interrupt_pending(vector);
    const Answer answer = enter(vcpu);
    // Whoever has taken it ends it: L1's own handler does, L2's handler and an exit that acknowledges do not.
    const bool l1_took_it = take_pending_interrupts();
    if (!l1_took_it) end_interrupt();
    Text text = words(answer);
    append_caught(text);
    text.append(" left-for-l1=", l1_took_it ? "yes" : "no");
    print_case(topic, name, text);
}

void window(const State& state, const Form& form, u32 controls, const char* which) {
    const Text name(which, "/", state.name, "/", form.name);
    const u32 pins = (controls & primary::nmi_window) != 0 ? pin::nmi | pin::virtual_nmis : 0;
    const VcpuOptions options = {.pin = pins, .primary = controls};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(form.code, options);
    catch_events();
    put_in(state);
    print(name, vcpu);
}

void timer(const State& state, const Form& form, u32 value) {
    const Text name("preemption-timer/", state.name, "/", form.name, "/value-", hex(value));
    if (!is_offered({.pin = pin::preemption_timer})) return print_absent(topic, name);
    Vcpu& vcpu = fresh(form.code, {.pin = pin::preemption_timer});
    catch_events();
    put_in(state);
    vmwrite(field::preemption_timer, value);
    print(name, vcpu);
}

// L2 sends an NMI to its own processor.
void nmi(bool exiting, bool virtual_nmis, bool blocked) {
    const Text name("nmi/", exiting ? "exiting" : "free", virtual_nmis ? "-virtual" : "",
                    blocked ? "-blocked" : "");
    const VcpuOptions options = {.pin = (exiting ? pin::nmi : 0) | (virtual_nmis ? pin::virtual_nmis : 0)};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(reinterpret_cast<void (*)()>(&l2_write32), options);
    catch_events();
    if (blocked) vmwrite(field::guest_interruptibility, by_nmi);
    vcpu.registers.rdi = nmi_command_address();
    vcpu.registers.rsi = nmi_command();
    const Answer answer = enter(vcpu);
    const bool l1_took_it = take_pending_nmi();
    Text text = words(answer, with_pending_debug);
    append_caught(text);
    text.append(" left-for-l1=", l1_took_it ? "yes" : "no");
    print_case(topic, name, text);
}

}  // namespace

void sweep_interrupts() {
    for (const State& state : states)
        for (const Form* form : {&forms_nothing[0], &forms_windows[0]})
            for (const bool exiting : {false, true})
                for (const bool acknowledging : {false, true})
                    interrupt(state, *form, exiting, acknowledging);
    for (const State& state : states)
        for (const Form* form = forms_windows; form->name != nullptr; ++form) {
            window(state, *form, primary::interrupt_window, "interrupt-window");
            window(state, *form, primary::nmi_window, "nmi-window");
            window(state, *form, primary::nmi_window | primary::interrupt_window, "both-windows");
            timer(state, *form, 0);
            timer(state, *form, 0xFFFFFFFF);
        }
    for (const bool virtual_nmis : {false, true})
        for (const bool blocked : {false, true}) nmi(true, virtual_nmis, blocked);
    nmi(false, false, false);
}

}  // namespace conformance::exits
