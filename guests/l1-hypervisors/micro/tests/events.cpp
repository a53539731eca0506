// Events: exceptions and interrupts that L1 intercepts, that L1 injects, and the timer and window that give
// control back to it.
#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u8 vector_for_l1 = 0x51, vector_for_l2 = 0x52;
constexpr u64 unmapped_in_l2 = u64{1} << 40;
constexpr u32 error_code = 0x1234;

Vcpu& guest(void (*code)(), const VcpuOptions& options = {}) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(code), options);
    l2::delivery().count = 0;
    return vcpu;
}

void expect_delivered(Report& report, u64 vector, u64 error, u64 rip) {
    const volatile l2::Delivery& delivery = l2::delivery();
    report.expect("deliveries into L2", 1, delivery.count);
    report.expect("vector in L2", vector, delivery.vector);
    report.expect("error code in L2", error, delivery.error_code);
    report.expect("RIP in L2", rip, delivery.rip);
}

void exceptions_exit(Report& report) {
    struct Case {
        const char* name;
        void (*code)();
        u32 vector, type;
    };
    const Case exceptions[] = {
        {"#UD", &l2_ud2, vector_ud, interruption::hardware_exception},
        {"#BP", &l2_int3, vector_bp, interruption::software_exception},
    };
    for (const Case& e : exceptions) {
        report.about(e.name);
        Vcpu& vcpu = guest(e.code);
        vmwrite(field::exception_bitmap, 1u << e.vector);
        const Exit exit = vcpu.run();
        report.expect_exit(exit, reason::exception);
        report.expect("information", interruption::valid | e.type | e.vector, exit.interruption);
        report.expect("RIP", reinterpret_cast<u64>(e.code), exit.rip);
    }
    report.about("#DE");
    Vcpu& vcpu = guest(&l2_divide_by_zero);
    vmwrite(field::exception_bitmap, 1);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::exception);
    report.expect("information", interruption::valid | interruption::hardware_exception, exit.interruption);
}

void page_fault_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_write);
    vmwrite(field::exception_bitmap, 1 << vector_pf);
    vcpu.registers.rdi = unmapped_in_l2;
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::exception);
    report.expect(
        "information",
        interruption::valid | interruption::hardware_exception | interruption::has_error_code | vector_pf,
        exit.interruption);
    report.expect("error code: a write", 2, exit.interruption_error);
    report.expect("qualification: the address", unmapped_in_l2, exit.qualification);
}

// SDM 3C 26.2: a page fault exits if (error & mask) == match equals the bitmap's bit.
void page_fault_mask_and_match(Report& report) {
    struct Case {
        const char* name;
        u32 mask, match;
        bool bit_set, exits;
    };
    constexpr Case sweep[] = {
        {"mask of writes matches", 2, 2, true, true},
        {"mask of writes does not match", 2, 0, true, false},
        {"bit clear, does not match", 2, 0, false, true},
        {"bit clear, matches", 2, 2, false, false},
    };
    for (const Case& c : sweep) {
        report.about(c.name);
        Vcpu& vcpu = guest(&l2_write);
        vmwrite(field::exception_bitmap, c.bit_set ? 1 << vector_pf : 0);
        vmwrite(field::page_fault_mask, c.mask);
        vmwrite(field::page_fault_match, c.match);
        // What does not exit goes through L2's IDT, whose limit is too small: a triple fault.
        vmwrite(field::guest_idtr_limit, 0);
        vcpu.registers.rdi = unmapped_in_l2;
        report.expect_exit(vcpu.run(), c.exits ? reason::exception : reason::triple_fault);
    }
}

void l2_handles_its_own_exception(Report& report) {
    Vcpu& vcpu = guest(&l2_int3);
    report.expect_exit(vcpu.run(), reason::vmcall);
    expect_delivered(report, vector_bp, 0, reinterpret_cast<u64>(&l2_int3) + 1);
}

void l2_takes_its_own_page_fault(Report& report) {
    Vcpu& vcpu = guest(&l2_write);
    vcpu.registers.rdi = unmapped_in_l2;
    report.expect_exit(vcpu.run(), reason::vmcall);
    expect_delivered(report, vector_pf, 2, reinterpret_cast<u64>(&l2_write));
    report.expect("CR2, which no exit switches", unmapped_in_l2, read_cr2());
}

void inject(u32 information, u32 error = 0, u32 length = 0) {
    vmwrite(field::entry_interruption_information, interruption::valid | information);
    vmwrite(field::entry_exception_error_code, error);
    vmwrite(field::entry_instruction_length, length);
}

void expect_injected_once(Report& report, Vcpu& vcpu) {
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("the valid bit is clear again", 0,
                  vmread(field::entry_interruption_information) & interruption::valid);
    vcpu.go_to(&l2_nothing);
    report.expect_exit(vcpu.run(), reason::vmcall);
}

void inject_external_interrupt(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    inject(interruption::external | vector_for_l2);
    expect_injected_once(report, vcpu);
    expect_delivered(report, vector_for_l2, 0, reinterpret_cast<u64>(&l2_nothing));
}

void inject_exception_with_error_code(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    inject(interruption::hardware_exception | interruption::has_error_code | vector_gp, error_code);
    expect_injected_once(report, vcpu);
    expect_delivered(report, vector_gp, error_code, reinterpret_cast<u64>(&l2_nothing));
}

void inject_exception(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    inject(interruption::hardware_exception | vector_ud);
    expect_injected_once(report, vcpu);
    expect_delivered(report, vector_ud, 0, reinterpret_cast<u64>(&l2_nothing));
}

// A software interrupt returns behind the instruction that L1 says it was.
void inject_software_interrupt(Report& report) {
    Vcpu& vcpu = guest(&l2_sti_nops);
    inject(interruption::software_interrupt | vector_for_l2, 0, 1);
    expect_injected_once(report, vcpu);
    expect_delivered(report, vector_for_l2, 0, reinterpret_cast<u64>(&l2_sti_nops) + 1);
}

void inject_nmi(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    inject(interruption::nmi | 2);
    expect_injected_once(report, vcpu);
    expect_delivered(report, 2, 0, reinterpret_cast<u64>(&l2_nothing));
}

// The event's own delivery causes an exit: L1 reads in IDT-vectoring information what was being delivered.
void vectoring_is_reported(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    vmwrite(field::guest_idtr_base, Ept::window);  // not in EPT12
    const u32 event = interruption::hardware_exception | interruption::has_error_code | vector_gp;
    inject(event, error_code);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::ept_violation);
    report.expect("IDT-vectoring information", interruption::valid | event,
                  vmread(field::idt_vectoring_information));
    report.expect("IDT-vectoring error code", error_code, vmread(field::idt_vectoring_error_code));
    report.expect("guest-physical address", Ept::window + vector_gp * 16, exit.guest_physical);
}

void interrupt_exits_with_acknowledge(Report& report) {
    Vcpu& vcpu = guest(&l2_spin, {.pin = pin::external_interrupt});
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    apic::interrupt_self(vector_for_l1);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::external_interrupt);
    report.expect("information", interruption::valid | interruption::external | vector_for_l1,
                  exit.interruption);
    apic::acknowledge();
}

void interrupt_exits_without_acknowledge(Report& report) {
    Vcpu& vcpu = guest(&l2_spin, {.pin = pin::external_interrupt});
    vmwrite(field::exit_controls, vmread(field::exit_controls) & ~u64{exit_control::acknowledge_interrupt});
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    apic::interrupt_self(vector_for_l1);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::external_interrupt);
    report.expect("no information", 0, exit.interruption & interruption::valid);
    const u64 before = l1_interrupt_count();
    enable_interrupts();
    asm volatile("nop\n nop" : : : "memory");
    disable_interrupts();
    report.expect("the interrupt waited for L1", before + 1, l1_interrupt_count());
}

void interrupt_while_l2_runs(Report& report) {
    Vcpu& vcpu = guest(&l2_write32, {.pin = pin::external_interrupt});
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    vcpu.registers.rdi = apic::base + apic::command_low;
    vcpu.registers.rsi = apic::to_self | vector_for_l1;
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::external_interrupt);
    report.expect("information", interruption::valid | interruption::external | vector_for_l1,
                  exit.interruption);
    apic::acknowledge();
    report.expect_exit(vcpu.run(), reason::vmcall);
}

void timer_interrupts_l2(Report& report) {
    constexpr u32 ticks = 200000;  // more than a hypervisor below takes for the entry
    Vcpu& vcpu = guest(&l2_spin, {.pin = pin::external_interrupt});
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    apic::write(apic::timer_divider, apic::divide_by_1);
    apic::write(apic::timer_vector, vector_for_l1);
    apic::write(apic::timer_count, ticks);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::external_interrupt);
    report.expect("information", interruption::valid | interruption::external | vector_for_l1,
                  exit.interruption);
    report.expect("L2 did run", vcpu.registers.rax > 100);
    apic::acknowledge();
}

// L1 does not intercept HLT: L2 sleeps in the processor, and L1's timer still gets through.
void timer_wakes_halted_l2(Report& report) {
    constexpr u32 ticks = 200000;  // more than a hypervisor below takes for the entry
    constexpr u64 sti_hlt_length = 2;
    Vcpu& vcpu = guest(&l2_sti_hlt, {.pin = pin::external_interrupt});
    vmwrite(field::primary_controls, vmread(field::primary_controls) & ~u64{primary::hlt});
    apic::write(apic::timer_divider, apic::divide_by_1);
    apic::write(apic::timer_vector, vector_for_l1);
    apic::write(apic::timer_count, ticks);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::external_interrupt);
    report.expect("behind the HLT", reinterpret_cast<u64>(&l2_sti_hlt) + sti_hlt_length, exit.rip);
    apic::acknowledge();
    vmwrite(field::guest_activity, 0);
    report.expect_exit(vcpu.run(), reason::vmcall);
}

// After an exit for an NMI further ones are blocked until an IRET.
void unblock_nmis() {
    asm volatile(
        "mov %%rsp, %%rax\n mov %%ss, %%ecx\n push %%rcx\n push %%rax\n pushfq\n mov %%cs, %%ecx\n push "
        "%%rcx\n"
        "lea 1f(%%rip), %%rax\n push %%rax\n iretq\n 1:"
        :
        :
        : "rax", "rcx", "memory", "cc");
}

void nmi_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_write32, {.pin = pin::nmi});
    vcpu.registers.rdi = apic::base + apic::command_low;
    vcpu.registers.rsi = apic::deliver_nmi | apic::level_assert;
    apic::write(apic::command_high, apic::read(apic::identity));
    const Exit exit = vcpu.run();
    unblock_nmis();
    report.expect_exit(exit, reason::exception);
    report.expect("information", interruption::valid | interruption::nmi | 2, exit.interruption);
    constexpr u64 blocked_by_nmi = bit(3);
    vmwrite(field::guest_interruptibility, vmread(field::guest_interruptibility) & ~blocked_by_nmi);
    report.expect_exit(vcpu.run(), reason::vmcall);
}

// Without external-interrupt exiting the interrupt is L2's.
void interrupt_goes_to_l2(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    apic::interrupt_self(vector_for_l2);
    report.expect_exit(vcpu.run(), reason::vmcall);
    apic::acknowledge();
    report.expect("deliveries into L2", 1, l2::delivery().count);
    report.expect("vector in L2", vector_for_l2, l2::delivery().vector);
}

void interrupt_window(Report& report) {
    Vcpu& vcpu = guest(&l2_sti_nops, {.primary = primary::interrupt_window});
    Exit exit = vcpu.run();
    report.expect_exit(exit, reason::interrupt_window);
    report.expect("after the shadow of STI", reinterpret_cast<u64>(&l2_after_shadow), exit.rip);
    report.about("already open at entry");
    exit = vcpu.run();
    report.expect_exit(exit, reason::interrupt_window);
    report.expect("nothing was executed", reinterpret_cast<u64>(&l2_after_shadow), exit.rip);
}

void preemption_timer(Report& report) {
    if (!control_is_allowed(vmx_msr::pin, pin::preemption_timer))
        return report.skip("no preemption timer here");
    Vcpu& vcpu = guest(&l2_spin, {.pin = pin::preemption_timer});
    vmwrite(field::preemption_timer, 10000);
    const u64 before = rdtsc();
    report.expect_exit(vcpu.run(), reason::preemption_timer);
    const u64 rate = rdmsr(vmx_msr::misc) & 31;
    report.expect("not too early", rdtsc() - before >= u64{9999} << rate);
    report.expect("L2 did run", vcpu.registers.rax > 100);

    report.about("zero");
    vmwrite(field::preemption_timer, 0);
    const u64 counted = vcpu.registers.rax;
    report.expect_exit(vcpu.run(), reason::preemption_timer);
    report.expect("nothing was executed", counted, vcpu.registers.rax);
}

void preemption_timer_is_saved(Report& report) {
    if (!control_is_allowed(vmx_msr::pin, pin::preemption_timer) ||
        !control_is_allowed(vmx_msr::exit, exit_control::save_preemption_timer)) {
        return report.skip("the timer's value is not saved here");
    }
    constexpr u64 plenty = 0x7FFFFFFF;
    Vcpu& vcpu =
        guest(&l2_nothing, {.pin = pin::preemption_timer, .exit = exit_control::save_preemption_timer});
    vmwrite(field::preemption_timer, plenty);
    report.expect_exit(vcpu.run(), reason::vmcall);
    const u64 left = vmread(field::preemption_timer);
    report.expect("less than it was", left <= plenty);
    report.expect("but not much less", left > plenty - 1000000);
}

constexpr TestCase cases[] = {
    {"exceptions-exit", exceptions_exit},
    {"page-fault-exits", page_fault_exits},
    {"page-fault-mask-match", page_fault_mask_and_match},
    {"l2-own-exception", l2_handles_its_own_exception},
    {"l2-own-page-fault", l2_takes_its_own_page_fault},
    {"inject-external-interrupt", inject_external_interrupt},
    {"inject-exception-error-code", inject_exception_with_error_code},
    {"inject-exception", inject_exception},
    {"inject-software-interrupt", inject_software_interrupt},
    {"inject-nmi", inject_nmi},
    {"idt-vectoring", vectoring_is_reported},
    {"interrupt-acknowledged", interrupt_exits_with_acknowledge},
    {"interrupt-not-acknowledged", interrupt_exits_without_acknowledge},
    {"interrupt-while-l2-runs", interrupt_while_l2_runs},
    {"interrupt-from-timer", timer_interrupts_l2},
    {"interrupt-wakes-halted-l2", timer_wakes_halted_l2},
    {"nmi-exits", nmi_exits},
    {"interrupt-to-l2", interrupt_goes_to_l2},
    {"interrupt-window", interrupt_window},
    {"preemption-timer", preemption_timer},
    {"preemption-timer-saved", preemption_timer_is_saved},
};

}  // namespace

constexpr Topic event_tests = topic(cases);

}  // namespace micro
