// What the TPR shadow and the controls that build on it ask of each other (SDM 3C 27.2.1.1), and the TPR
// threshold against the virtual TPR.
#include "sweeps/checks/starts.hpp"

namespace conformance::checks {
namespace {

constexpr u64 virtual_tpr = 0x80;  // offset in the virtual-APIC page

void set_tpr(u8 value) { furniture().virtual_apic.bytes[virtual_tpr] = value; }

void combinations() {
    constexpr struct {
        const char* letter;
        Field word;
        u32 control;
    } switches[] = {
        {"t", field::primary_controls, primary::tpr_shadow},
        {"a", field::secondary_controls, secondary::apic_accesses},
        {"x", field::secondary_controls, secondary::x2apic},
        {"r", field::secondary_controls, secondary::apic_registers},
        {"v", field::secondary_controls, secondary::virtual_interrupts},
        {"e", field::pin_controls, pin::external_interrupt},
    };
    constexpr unsigned count = sizeof switches / sizeof *switches;
    for (unsigned choice = 0; choice < 1u << count; ++choice) {
        Text name("apic");
        for (unsigned i = 0; i < count; ++i) name.append("-", switches[i].letter, choice >> i & 1);
        check(long_mode, name, [&] {
            for (unsigned i = 0; i < count; ++i)
                if ((choice >> i & 1) != 0) apply({{switches[i].word, 0, switches[i].control}});
        });
    }
}

void thresholds() {
    constexpr u64 values[] = {0, 1, 4, 5, 6, 15, 16, 0x15, bit(31)};
    constexpr u8 tprs[] = {0x00, 0x4F, 0x50, 0x5F, 0xF0};
    constexpr u32 with[] = {0, secondary::apic_accesses, secondary::virtual_interrupts};
    for (const u32 more : with)
        for (const u8 tpr : tprs)
            for (const u64 threshold : values)
                check(long_mode, Text("tpr-", hex(tpr), "-threshold-", hex(threshold), "-with-", hex(more)),
                      [=] {
                          constexpr u32 pins = pin::external_interrupt;
                          set_tpr(tpr);
                          apply({{field::primary_controls, 0, primary::tpr_shadow},
                                 {field::secondary_controls, 0, more},
                                 {field::pin_controls, 0, more == secondary::virtual_interrupts ? pins : 0},
                                 replace(field::tpr_threshold, threshold)});
                      });
    each_value(long_mode, "threshold-without-shadow", field::tpr_threshold, {15, 16, bit(31)});
}

// Processing of posted interrupts: what it needs comes one by one.
void posted_interrupts() {
    for (u64 vector : {0u, 255u, 256u})
        check(long_mode, Text("posted-vector-", vector), [=] {
            apply({{field::pin_controls, 0, pin::external_interrupt | pin::posted_interrupts},
                   {field::primary_controls, 0, primary::tpr_shadow},
                   {field::secondary_controls, 0, secondary::virtual_interrupts}});
            write_if_present(field::posted_interrupt_vector, vector);
        });
}

}  // namespace

void apic_checks() {
    combinations();
    thresholds();
    posted_interrupts();
}

}  // namespace conformance::checks
