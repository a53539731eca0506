// The TPR shadow: L2's CR8 in the virtual-APIC page, and the threshold (SDM 3C 30.1.2, 30.1.3).
#include "sweeps/features/apic.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_cr8[];

namespace {

struct Way {
    const char* name;
    u32 primary;
};

constexpr Way ways[] = {
    {"shadow", primary::tpr_shadow},
    {"shadow-and-load-exiting", primary::tpr_shadow | primary::cr8_load},
    {"shadow-and-store-exiting", primary::tpr_shadow | primary::cr8_store},
    {"load-exiting", primary::cr8_load},
    {"store-exiting", primary::cr8_store},
    {"real", 0},
};

constexpr u64 loaded_values[] = {0, 1, 5, 9, 15, 16, u64{1} << 32};

struct Threshold {
    u32 threshold, priority;
};

// A threshold above the priority is an entry that fails; see threshold_at_entry for the other answer.
constexpr Threshold no_threshold = {0, 0};
constexpr Threshold thresholds[] = {{0, 0x95}, {5, 0x50}, {5, 0x90}, {9, 0x90}, {9, 0x50}, {15, 0xF0}};

void restore_priority() { asm volatile("mov %0, %%cr8" : : "r"(u64{0})); }

void move_cr8(const Way& way, const Form& form, u64 value, const Threshold& at) {
    const Text name("cr8/", way.name, "/", form.name, "/value-", hex(value), "/threshold-", at.threshold,
                    "-of-", hex(at.priority));
    const VcpuOptions options = {.primary = way.primary};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(form.code, options);
    apic_pages::prepare(vcpu, at.priority);
    vmwrite(field::tpr_threshold, at.threshold);
    vcpu.registers.rsi = value;
    apic_pages::print(name, vcpu);
    restore_priority();
}

// With "virtualize APIC accesses" a threshold above the priority exits right after the entry (SDM 3C 27.7.7).
void threshold_at_entry(const Threshold& at) {
    const Text name("threshold-at-entry/", at.threshold, "-of-", hex(at.priority));
    const VcpuOptions options = {.primary = primary::tpr_shadow, .secondary = secondary::apic_accesses};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(forms_cr8[0].code, options);
    apic_pages::prepare(vcpu, at.priority);
    vmwrite(field::tpr_threshold, at.threshold);
    apic_pages::print(name, vcpu);
}

}  // namespace

void sweep_task_priority() {
    for (const Way& way : ways)
        for (const Form* form = forms_cr8; form->name != nullptr; ++form)
            for (const u64 value : loaded_values) move_cr8(way, *form, value, no_threshold);
    for (const Form* form = forms_cr8; form->name != nullptr; ++form)
        for (const Threshold& at : thresholds)
            for (const u64 value : loaded_values) move_cr8(ways[0], *form, value, at);
    for (const Threshold& at : thresholds) threshold_at_entry(at);
    threshold_at_entry({16, 0xFF});
}

}  // namespace conformance::features
