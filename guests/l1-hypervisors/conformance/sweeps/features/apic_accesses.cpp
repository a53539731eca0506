// Memory-mapped accesses to L2's local APIC, with growing help of the processor (SDM 3C 30.4).
#include "sweeps/features/apic.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_read32[], forms_write32[], forms_apic_accesses[];

namespace {

struct Help {
    const char* name;
    u32 pin, primary, secondary;
};

constexpr Help helps[] = {
    {"exits", 0, 0, secondary::apic_accesses},
    {"shadow", 0, primary::tpr_shadow, secondary::apic_accesses},
    {"registers", 0, primary::tpr_shadow, secondary::apic_accesses | secondary::apic_registers},
    {"interrupts", pin::external_interrupt, primary::tpr_shadow,
     secondary::apic_accesses | secondary::virtual_interrupts},
    {"everything", pin::external_interrupt, primary::tpr_shadow,
     secondary::apic_accesses | secondary::apic_registers | secondary::virtual_interrupts},
};

constexpr u32 offsets[] = {0x000, 0x010, 0x020, 0x030, 0x040, 0x070, 0x080, 0x090, 0x0A0, 0x0B0, 0x0C0,
                           0x0D0, 0x0E0, 0x0F0, 0x100, 0x110, 0x170, 0x180, 0x1F0, 0x200, 0x270, 0x280,
                           0x290, 0x2E0, 0x2F0, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370,
                           0x380, 0x390, 0x3A0, 0x3E0, 0x3F0, 0x400, 0x530, 0xFF0};
// Where an access is not of one register's first four bytes.
constexpr u32 odd_offsets[] = {0x01E, 0x022, 0x024, 0x02C, 0x02E, 0x081,
                               0x082, 0x083, 0x084, 0x08E, 0x0B4, 0xFFC};
constexpr u32 offsets_of_each_form[] = {0x020, 0x080, 0x0B0, 0x300, 0x310, 0x3F0};

Vcpu& prepare(const Form& form, const VcpuOptions& options, u32 offset) {
    clear_scratch();
    Vcpu& vcpu = fresh(form.code, options);
    apic_pages::prepare(vcpu, 0);
    vcpu.registers.rdi += offset;
    vcpu.registers.rax = 0x1111;
    vcpu.registers.rsi = 0x55;
    return vcpu;
}

void access(const Help& help, const Form& form, u32 offset) {
    const Text name("apic-access/", help.name, "/", form.name, "/", hex(offset));
    const VcpuOptions options = {.pin = help.pin, .primary = help.primary, .secondary = help.secondary};
    if (!is_offered(options)) return print_absent(topic, name);
    apic_pages::print(name, prepare(form, options, offset));
}

// Without EPT the page is known by its physical address.
void access_without_ept(const Help& help, const Form& form, u32 offset) {
    const Text name("apic-access/", help.name, "/without-ept/", form.name, "/", hex(offset));
    const VcpuOptions options = {
        .pin = help.pin, .primary = help.primary, .secondary = help.secondary, .with_ept = false};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = prepare(form, options, offset);
    vcpu.registers.rdi = vmread(field::apic_access_address) + offset;
    apic_pages::print(name, vcpu);
}

// EPT's permissions come before the APIC-access page's treatment (SDM 3C 30.4.1).
void access_without_permission(const Help& help, const Form& form, u64 permissions) {
    const Text name("apic-access/", help.name, "/ept-permissions-", permissions, "/", form.name);
    const VcpuOptions options = {.pin = help.pin, .primary = help.primary, .secondary = help.secondary};
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = prepare(form, options, 0x20);
    vcpu.ept.window_entry(0) = (vcpu.ept.window_entry(0) & ~ept_entry::all) | permissions;
    apic_pages::print(name, vcpu);
}

void sweep_help(const Help& help) {
    for (const Form* form : {&forms_read32[0], &forms_write32[0]}) {
        for (const u32 offset : offsets) access(help, *form, offset);
        for (const u32 offset : odd_offsets) access(help, *form, offset);
        access_without_ept(help, *form, 0x20);
        access_without_ept(help, *form, 0x80);
        for (const u64 permissions : {ept_entry::read, ept_entry::read | ept_entry::execute, u64{0}})
            access_without_permission(help, *form, permissions);
    }
    for (const Form* form = forms_apic_accesses; form->name != nullptr; ++form)
        for (const u32 offset : offsets_of_each_form) access(help, *form, offset);
}

}  // namespace

void sweep_apic_accesses() {
    for (const Help& help : helps) sweep_help(help);
}

}  // namespace conformance::features
