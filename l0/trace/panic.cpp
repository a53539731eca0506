// The ends of a run.
#include "panic.hpp"

#include "../cpu/vmcs.hpp"
#include "../hw/cpu.hpp"
#include "../perf/counter.hpp"
#include "death.hpp"
#include "dump.hpp"
#include "log.hpp"
#include "report.hpp"
#include "trace.hpp"

namespace kurma::l0 {

using log::Hex;

namespace {

const char* cause_of(End end) {
    switch (end) {
        case End::power_off: return "power-off";
        case End::reset: return "reset";
        case End::l1_death: return "l1-death";
        case End::panic: return "panic";
        case End::refused: return "refused";
    }
    return "panic";
}

[[noreturn]] void switch_off(const Machine& m) {
    // Bochs first, then ACPI's S5 as Bochs and QEMU number it. What a real machine's tables would call S5 is
    // not known here; it is left halted.
    for (const char c : {'S', 'h', 'u', 't', 'd', 'o', 'w', 'n'}) hw::outb(0x8900, static_cast<u8>(c));
    constexpr u16 qemu_pm1a = 0x604, sleep_enable = 1u << 13;
    hw::outw(m.pm1a_control_port != 0 ? m.pm1a_control_port : qemu_pm1a, sleep_enable);
    hw::outw(qemu_pm1a, sleep_enable);
    hw::halt_forever();
}

void dump_everything(Cpu& cpu) {
    if (cpu.vmcs01.value() == 0) return;
    dump_gprs(cpu.gprs);
    if (cpu.level == Level::l2) {
        make_vmcs02_current(cpu, *cpu.running);
        dump_current_vmcs(cpu, "vmcs02");
        dump_vmcs12(cpu.running->vmcs12);
    }
    make_vmcs01_current(cpu);
    dump_current_vmcs(cpu, "vmcs01");
    dump_last_turns(cpu);
}

}  // namespace

void end_run(End end) {
    const Cpu& cpu = boot_cpu();
    if (cpu.machine != nullptr) {
        log::line("json-begin");
        Out out;
        write_json(out, cpu, hw::rdtsc(), perf::event_total(cpu), Trace::ring_size);
        log::line("json-end");
    }
    log::line("end ", cause_of(end));
    switch_off(machine());
}

void panic(const char* what, const char* file, int line) {
    // A fault while dumping must not begin the dump anew.
    static bool dumping = false;
    log::line("panic: ", what, " (", file, ":", static_cast<u32>(line), ")");
    if (!dumping) {
        dumping = true;
        dump_everything(boot_cpu());
    }
    end_run(End::panic);
}

namespace {

/// The exit that L1 died of is a turn as well, and the one that its reader looks for.
[[noreturn]] void die(Cpu& cpu) {
    if (cpu.machine->policy.trace == vmx::TraceLevel::turns)
        record_turn(cpu, vmx::ExitReason{static_cast<u32>(hw::vmread(vmx::field::exit_reason.encoding.raw))},
                    vmx::Why::l1_died);
    dump_everything(cpu);
    end_run(End::l1_death);
}

}  // namespace

void l1_died(Cpu& cpu, const char* what, u64 value) {
    log::line("L1 died: ", what, ": ", Hex{value});
    die(cpu);
}

void l1_died(Cpu& cpu, const char* what) {
    log::line("L1 died: ", what);
    die(cpu);
}

struct ExceptionFrame {
    u64 rax, rcx, rdx, rbx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
    u64 vector, error_code, rip, cs, rflags, rsp, ss;
};

struct Fixup {
    u64 faulting, resume;
};
extern "C" const Fixup fixups_start[];
extern "C" const Fixup fixups_end[];

extern "C" void exception(ExceptionFrame* frame) {
    for (const Fixup* fixup = fixups_start; fixup != fixups_end; ++fixup)
        if (fixup->faulting == frame->rip) {
            constexpr u64 carry = 1;
            frame->rip = fixup->resume;
            frame->rflags |= carry;
            return;
        }
    log::line("exception ", frame->vector, " in L0 at ", Hex{frame->rip}, ", error code ",
              Hex{frame->error_code}, ", cr2 ", Hex{hw::read_cr2()}, ", rsp ", Hex{frame->rsp});
    constexpr u64 invalid_opcode = 6;
    panic(frame->vector == invalid_opcode ? "a VMX instruction of L0's own failed" : "exception in L0",
          __FILE__, __LINE__);
}

extern "C" void nmi_in_l0() { boot_cpu().nmi_pending = true; }

}  // namespace kurma::l0
