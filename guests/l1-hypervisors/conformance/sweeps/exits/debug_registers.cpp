// Accesses to debug registers, which no entry and no exit switches but for DR7 (SDM 3C 26.1.3, table 28-4).
#include "cpu/instructions.hpp"
#include "sweeps/exits/exits.hpp"

namespace conformance::exits {

extern "C" const Form forms_load_dr[], forms_store_dr[], forms_dr_operands[];

namespace {

constexpr u64 dr7_reset = 0x400, dr7_general_detect = bit(13), dr6_reset = 0xFFFF0FF0;
constexpr u64 marks[] = {0x1000, 0x2000, 0x3000, 0x4000};

// What L2 may leave in them would stop L1.
void reset_debug_registers() {
    asm volatile("mov %0, %%dr7\n mov %1, %%dr6" : : "r"(dr7_reset), "r"(dr6_reset));
    asm volatile("mov %0, %%dr0\n mov %1, %%dr1\n mov %2, %%dr2\n mov %3, %%dr3"
                 :
                 : "r"(marks[0]), "r"(marks[1]), "r"(marks[2]), "r"(marks[3]));
}

void append_debug_registers(Text& text) {
    u64 values[5];
    asm volatile("mov %%dr0, %0\n mov %%dr1, %1\n mov %%dr2, %2\n mov %%dr3, %3\n mov %%dr6, %4"
                 : "=r"(values[0]), "=r"(values[1]), "=r"(values[2]), "=r"(values[3]), "=r"(values[4]));
    constexpr const char* names[] = {" dr0=", " dr1=", " dr2=", " dr3=", " dr6="};
    for (int i = 0; i < 5; ++i) text.append(names[i], hex(values[i]));
    text.append(" dr7=", hex(vmread(field::guest_dr7)), " l1-dr7=", hex(read_dr7()));
}

struct Situation {
    const char* name;
    u32 primary;
    bool extensions, detect, user;
};

constexpr Situation situations[] = {
    {"intercepted", primary::mov_dr, false, false, false},
    {"intercepted-extensions", primary::mov_dr, true, false, false},
    {"intercepted-general-detect", primary::mov_dr, false, true, false},
    {"intercepted-user", primary::mov_dr, false, false, true},
    {"free", 0, false, false, false},
    {"free-extensions", 0, true, false, false},
    {"free-general-detect", 0, false, true, false},
    {"free-user", 0, false, false, true},
};

void access(const Situation& s, const Form& form, u64 value) {
    const Text name("dr/", form.name, "/", s.name, "/value-", hex(value));
    reset_debug_registers();
    Vcpu& vcpu =
        fresh(form.code,
              {.primary = s.primary, .exit = exit_control::save_debug, .entry = entry_control::load_debug});
    if (s.extensions) vmwrite(field::guest_cr4, vmread(field::guest_cr4) | cr4_de);
    vmwrite(field::guest_dr7, dr7_reset | (s.detect ? dr7_general_detect : 0));
    vcpu.registers.rsi = value;
    if (s.user) run_at_user_level();
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_pending_debug);
    text.append(" r10=", hex(vcpu.registers.r10));
    append_debug_registers(text);
    print_case(topic, name, text);
}

}  // namespace

void sweep_debug_registers() {
    constexpr u64 loaded[] = {0x12345000, 0xFFFFFFFF, bit(32), 0};
    for (const Situation& situation : situations) {
        for (const Form* form = forms_load_dr; form->name != nullptr; ++form)
            for (const u64 value : loaded) access(situation, *form, value);
        for (const Form* form = forms_store_dr; form->name != nullptr; ++form) access(situation, *form, 0);
    }
    for (const Form* form = forms_dr_operands; form->name != nullptr; ++form) access(situations[0], *form, 0);
    reset_debug_registers();
}

}  // namespace conformance::exits
