// TSC offset and multiplier. Time stamps differ from run to run, so only relations between them are printed,
// with offsets so large that no delay could be taken for them (SDM 3C 26.3).
#include "cpu/instructions.hpp"
#include "sweeps/features/features.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_tsc[];

namespace {

constexpr u64 multiplier_one = u64{1} << 48;

struct Situation {
    const char* name;
    bool offsetting, scaling;
    u64 offset, multiplier;
};

constexpr Situation situations[] = {
    {"plain", false, false, 0, multiplier_one},
    {"plain-with-unused-fields", false, false, bit(60), 8 * multiplier_one},
    {"offset-0", true, false, 0, multiplier_one},
    {"offset-2-60", true, false, bit(60), multiplier_one},
    {"offset-2-63", true, false, bit(63), multiplier_one},
    {"offset-minus-2-60", true, false, ~bit(60) + 1, multiplier_one},
    {"scaled-by-1", true, true, 0, multiplier_one},
    {"scaled-by-half", true, true, 0, multiplier_one / 2},
    {"scaled-by-8", true, true, 0, 8 * multiplier_one},
    {"scaled-by-32768", true, true, 0, 32768 * multiplier_one},
    {"scaled-by-0", true, true, 0, 0},
    {"scaled-by-8-offset-2-60", true, true, bit(60), 8 * multiplier_one},
    {"scaled-without-offsetting", false, true, bit(60), 8 * multiplier_one},
};

u64 scaled(u64 ticks, u64 multiplier) {
    return static_cast<u64>(static_cast<unsigned __int128>(ticks) * multiplier >> 48);
}

// L2's stamp lies between L1's before and after, seen through L2's eyes.
bool lies_between(const Situation& s, u64 before, u64 stamp, u64 after) {
    const u64 multiplier = s.offsetting && s.scaling ? s.multiplier : multiplier_one;
    const u64 offset = s.offsetting ? s.offset : 0;
    const u64 low = scaled(before, multiplier), high = scaled(after, multiplier);
    return stamp - offset >= low && stamp - offset <= high;
}

void read(const Situation& s, const Form& form) {
    const Text name("tsc/", s.name, "/", form.name);
    const VcpuOptions options = {.primary = s.offsetting ? primary::tsc_offsetting : 0,
                                 .secondary = secondary::rdtscp | (s.scaling ? secondary::tsc_scaling : 0)};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(form.code, options);
    vmwrite(field::tsc_offset, s.offset);
    if (s.scaling) vmwrite(field::tsc_multiplier, s.multiplier);
    const u64 before = rdtsc();
    const Answer answer = enter(vcpu);
    const u64 after = rdtsc();
    Text text = words(answer, without_state);  // the flags tell something of the stamp
    if (answer.exited())
        text.append(" as-expected=", lies_between(s, before, vcpu.registers.rax, after) ? "yes" : "no");
    print_case(topic, name, text);
}

}  // namespace

void sweep_time_stamps() {
    for (const Situation& situation : situations)
        for (const Form* form = forms_tsc; form->name != nullptr; ++form) read(situation, *form);
}

}  // namespace conformance::features
