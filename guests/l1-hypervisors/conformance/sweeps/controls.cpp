// Each bit of each control word in both values, from three valid settings: as few controls as the processor
// allows, the usual ones, and all that it has. L2 surveys what can be intercepted, so that the place where it
// exits tells what the bit did.
#include "cpu/instructions.hpp"
#include "sweeps/furnished.hpp"
#include "sweeps/sweep.hpp"
#include "vmx/operation.hpp"

namespace conformance {
namespace {

constexpr const char* topic = "controls";

extern "C" void l2_survey();

// What l2_survey may execute: the features of its RSI.
u64 features_for_survey() {
    constexpr u32 leaf_basic = 1, leaf_structured = 7, leaf_extended = 0x80000001;
    const bool rdtscp = (cpuid(leaf_extended).edx & bit(27)) != 0;
    const bool invpcid = (cpuid(leaf_structured).ebx & bit(10)) != 0;
    const bool rdrand = (cpuid(leaf_basic).ecx & bit(30)) != 0;
    const bool rdseed = (cpuid(leaf_structured).ebx & bit(18)) != 0;
    return u64{rdtscp} | u64{invpcid} << 1 | u64{rdrand} << 2 | u64{rdseed} << 3;
}

struct Word {
    const char* name;
    Field field;
    u32 plain_msr, true_msr;
};

constexpr Word words_of_controls[] = {
    {"pin", field::pin_controls, vmx_msr::pin, vmx_msr::true_pin},
    {"primary", field::primary_controls, vmx_msr::primary, vmx_msr::true_primary},
    {"secondary", field::secondary_controls, vmx_msr::secondary, vmx_msr::secondary},
    {"exit", field::exit_controls, vmx_msr::exit, vmx_msr::true_exit},
    {"entry", field::entry_controls, vmx_msr::entry, vmx_msr::true_entry},
};

// Nothing but what the processor insists on and what 64-bit code on either side needs.
Vcpu& with_fewest() {
    Vcpu& vcpu = fresh_furnished(&l2_survey, {.with_ept = false, .vpid = 0});
    for (const Word& word : words_of_controls)
        vmwrite(word.field, demanded_ones(word.plain_msr, word.true_msr));
    vmwrite(field::secondary_controls, 0);
    vmwrite(field::exit_controls, vmread(field::exit_controls) | exit_control::host_64bit);
    vmwrite(field::entry_controls, vmread(field::entry_controls) | entry_control::guest_64bit);
    vmwrite(field::eptp, vcpu.ept.pointer());
    return vcpu;
}

Vcpu& with_the_usual() {
    constexpr u32 instructions = secondary::rdtscp | secondary::invpcid;
    return fresh_furnished(
        &l2_survey, {.secondary = instructions & allowed_ones(vmx_msr::secondary, vmx_msr::secondary)});
}

Vcpu& with_everything() { return fresh_with_everything(&l2_survey); }

struct Setting {
    const char* name;
    Vcpu& (*build)();
};

constexpr Setting settings[] = {
    {"fewest", &with_fewest}, {"usual", &with_the_usual}, {"everything", &with_everything}};

Vcpu& build(const Setting& setting) {
    Vcpu& vcpu = setting.build();
    vcpu.registers.rsi = features_for_survey();
    return vcpu;
}

void flip_each_bit(const Setting& setting, const Word& word) {
    for (unsigned number = 0; number < 32; ++number) {
        Vcpu& vcpu = build(setting);
        const u64 value = vmread(word.field) ^ bit(number);
        vmwrite(word.field, value);
        Text text((value & bit(number)) != 0 ? "set: " : "clear: ");
        text.append(words(enter(vcpu)));
        print_case(topic, Text(setting.name, "-", word.name, "-", number), text);
    }
}

void whole_words(const Setting& setting, const Word& word) {
    struct Value {
        const char* name;
        u64 value;
    };
    constexpr u64 all = 0xFFFFFFFF;
    for (const Value& value : {Value{"-zero", 0}, Value{"-ones", all}}) {
        Vcpu& vcpu = build(setting);
        vmwrite(word.field, value.value);
        print_entry(topic, Text(setting.name, "-", word.name, value.name), vcpu);
    }
}

// Bits of the VM-function controls (SDM 3C 25.6.14); bit 0 is EPTP switching.
void vm_functions() {
    const bool offered = control_is_allowed(vmx_msr::secondary, secondary::vm_functions);
    for (unsigned number = 0; number < 64; ++number) {
        const Text name("vm-function-", number, "-set");
        if (!offered) {
            print_absent(topic, name);
            continue;
        }
        Vcpu& vcpu = build(settings[2]);
        vmwrite(field::vm_function_controls, bit(number));
        print_entry(topic, name, vcpu);
    }
}

// Controls that another control must accompany, together with it (SDM 3C 27.2.1.1 and 27.2.1.2), and without.
struct Pair {
    const char* name;
    u32 pin, primary, secondary, exit;
};

constexpr Pair pairs[] = {
    {"nmi-window", pin::nmi | pin::virtual_nmis, primary::nmi_window, 0, 0},
    {"interrupt-window", 0, primary::interrupt_window, 0, 0},
    {"x2apic", 0, primary::tpr_shadow, secondary::x2apic, 0},
    {"x2apic-and-accesses", 0, primary::tpr_shadow, secondary::x2apic | secondary::apic_accesses, 0},
    {"apic-registers", 0, primary::tpr_shadow, secondary::apic_registers, 0},
    {"virtual-interrupts", pin::external_interrupt, primary::tpr_shadow, secondary::virtual_interrupts, 0},
    {"virtual-interrupts-alone", 0, primary::tpr_shadow, secondary::virtual_interrupts, 0},
    {"tpr-shadow", 0, primary::tpr_shadow, 0, 0},
    {"save-timer", pin::preemption_timer, 0, 0, exit_control::save_preemption_timer},
    {"every-pin", pin::external_interrupt | pin::nmi | pin::virtual_nmis | pin::preemption_timer, 0, 0, 0},
    {"io-both", 0, primary::all_io | primary::io_bitmaps, 0, 0},
    {"page-log", 0, 0, secondary::page_log, 0},
    {"unrestricted", 0, 0, secondary::unrestricted_guest, 0},
    {"posted", pin::external_interrupt | pin::posted_interrupts, primary::tpr_shadow,
     secondary::virtual_interrupts, 0},
};

void try_pairs() {
    for (const Pair& pair : pairs) {
        Vcpu& vcpu = build(settings[1]);
        vmwrite(field::pin_controls, vmread(field::pin_controls) | pair.pin);
        vmwrite(field::primary_controls, vmread(field::primary_controls) | pair.primary);
        vmwrite(field::secondary_controls, vmread(field::secondary_controls) | pair.secondary);
        vmwrite(field::exit_controls, vmread(field::exit_controls) | pair.exit);
        print_entry(topic, Text("together-", pair.name), vcpu);
    }
}

}  // namespace

void sweep_controls() {
    for (const Setting& setting : settings) {
        print_entry(topic, Text(setting.name), build(setting));
        for (const Word& word : words_of_controls) {
            flip_each_bit(setting, word);
            whole_words(setting, word);
        }
    }
    vm_functions();
    try_pairs();
}

}  // namespace conformance
