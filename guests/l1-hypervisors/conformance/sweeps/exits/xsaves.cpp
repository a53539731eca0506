// XSAVES and XRSTORS, which exit for the components that are in EDX:EAX, in IA32_XSS and in the XSS-exiting
// bitmap (SDM 3C 25.6.21, 26.1.3).
#include "cpu/instructions.hpp"
#include "cpu/traps.hpp"
#include "sweeps/exits/exits.hpp"

namespace conformance::exits {

extern "C" const Form forms_xsaves[];

namespace {

constexpr u32 msr_xss = 0xDA0;
constexpr u64 everything = ~u64{0};

struct Situation {
    const char* name;
    u32 secondary;
    u64 bitmap, components, supervisor_components;
};

constexpr Situation situations[] = {
    {"off", 0, 0, 3, 0},
    {"off-bitmap", 0, everything, 3, 0},
    {"on", secondary::xsaves, 0, 3, 0},
    {"on-bitmap", secondary::xsaves, everything, 3, 0},
    {"on-bitmap-of-one", secondary::xsaves, 1, 3, 0},
    {"on-bitmap-supervisor", secondary::xsaves, everything, everything, 0x100},
    {"on-bitmap-control-flow", secondary::xsaves, everything, everything, 0x1800},
    {"on-supervisor", secondary::xsaves, 0, everything, 0x1800},
};

// Whether the processor took IA32_XSS for the case; it may have no such component, or no such register.
bool set_supervisor_components(u64 value) {
    return !guarded([=] { wrmsr(msr_xss, value); }).happened;
}

void enter_form(const Situation& s, const Form& form, bool user) {
    const Text name("xsaves/", s.name, user ? "/user/" : "/", form.name);
    if (!is_offered({.secondary = secondary::xsaves})) return print_absent(topic, name);
    clear_scratch();
    Vcpu& vcpu = fresh(form.code, {.secondary = s.secondary});
    vmwrite(field::xss_exiting_bitmap, s.bitmap);
    vcpu.registers.rax = s.components & 0xFFFFFFFF;
    vcpu.registers.rdx = s.components >> 32;
    if (user) run_at_user_level();
    const bool accepted = set_supervisor_components(s.supervisor_components);
    const Answer answer = enter(vcpu);
    static_cast<void>(set_supervisor_components(0));
    Text text = words(answer, with_instruction_information);
    text.append(" xss-accepted=", accepted ? "yes" : "no");
    print_case(topic, name, text);
}

}  // namespace

void sweep_xsaves() {
    for (const Situation& situation : situations)
        for (const Form* form = forms_xsaves; form->name != nullptr; ++form)
            for (const bool user : {false, true}) enter_form(situation, *form, user);
}

}  // namespace conformance::exits
