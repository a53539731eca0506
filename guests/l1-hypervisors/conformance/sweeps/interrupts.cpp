#include "sweeps/interrupts.hpp"

#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "cpu/traps.hpp"

namespace conformance {

void make_interrupt_pending(u8 vector) { apic::interrupt_self(vector); }

bool take_pending_interrupts() {
    const u64 before = l1_interrupt_count();
    asm volatile("sti\n nop\n nop\n cli" : : : "memory");
    return l1_interrupt_count() != before;
}

void end_interrupt() { apic::acknowledge(); }

u64 nmi_command_address() { return apic::base + apic::command_low; }

u32 nmi_command() {
    apic::write(apic::command_high, apic::read(apic::identity));
    return apic::deliver_nmi | apic::level_assert;
}

namespace {

void unblock_nmis() {
    asm volatile(
        "movq %%rsp, %%rcx\n"
        "movl %%ss, %%eax\n"
        "pushq %%rax\n"
        "pushq %%rcx\n"
        "pushfq\n"
        "movl %%cs, %%eax\n"
        "pushq %%rax\n"
        "leaq 1f(%%rip), %%rax\n"
        "pushq %%rax\n"
        "iretq\n"
        "1:"
        :
        :
        : "rax", "rcx", "memory", "cc");
}

}  // namespace

bool take_pending_nmi() {
    const Fault nmi = guarded([] { unblock_nmis(); });
    if (nmi.happened) unblock_nmis();  // the guard left L1's handler without an IRET
    return nmi.happened;
}

}  // namespace conformance
