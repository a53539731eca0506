// L2's local APIC by MSRs (SDM 3C 30.5).
#include "sweeps/features/apic.hpp"

namespace conformance::features {

extern "C" const Form forms_msr[];

namespace {

struct Help {
    const char* name;
    u32 pin, secondary;
};

constexpr Help helps[] = {
    {"priority", 0, secondary::x2apic},
    {"registers", 0, secondary::x2apic | secondary::apic_registers},
    {"interrupts", pin::external_interrupt, secondary::x2apic | secondary::virtual_interrupts},
    {"everything", pin::external_interrupt,
     secondary::x2apic | secondary::apic_registers | secondary::virtual_interrupts},
};

constexpr u32 first_msr = 0x800;
constexpr u32 registers[] = {0x02, 0x03, 0x08, 0x0A, 0x0B, 0x0D, 0x0F, 0x10, 0x20, 0x28,
                             0x2F, 0x30, 0x31, 0x32, 0x38, 0x39, 0x3E, 0x3F, 0x40, 0xFF};

struct Value {
    u32 low, high;
};
constexpr Value values[] = {{0x55, 0}, {0, 0}, {0x155, 0}, {0x0F, 0}, {0x55, 1}};

void access(const Help& help, const Form& form, u32 number, const Value& value) {
    const Text name("x2apic/", help.name, "/", form.name, "/", hex(number), "/", hex(value.high), "-",
                    hex(value.low));
    const VcpuOptions options = {
        .pin = help.pin, .primary = primary::tpr_shadow, .secondary = help.secondary};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(form.code, options);
    apic_pages::prepare(vcpu, 0);
    vcpu.registers.rcx = number;
    vcpu.registers.rax = value.low;
    vcpu.registers.rdx = value.high;
    apic_pages::remember();
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited()) text.append(" rax=", hex(vcpu.registers.rax), " rdx=", hex(vcpu.registers.rdx));
    apic_pages::append_changes(text);
    print_case(topic, name, text);
}

}  // namespace

void sweep_x2apic() {
    for (const Help& help : helps) {
        for (const u32 number : registers) {
            access(help, forms_msr[0], first_msr + number, values[0]);
            for (const Value& value : values) access(help, forms_msr[1], first_msr + number, value);
        }
    }
}

}  // namespace conformance::features
