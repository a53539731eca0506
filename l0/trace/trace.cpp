#include "trace.hpp"

#include <vmx/instruction.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

u16 ticks_since(u64 tsc) { return static_cast<u16>(hw::rdtsc() - tsc); }

u64 uncounted(Encoding field) { return hw::vmread(field.raw); }

u64 subject_of_exit(const Gprs& gprs) {
    using enum Reason;
    const Reason reason = ExitReason{static_cast<u32>(uncounted(field::exit_reason.encoding))}.basic();
    if (reason == cpuid || reason == vmcall) return gprs.value[Gprs::rax];
    if (reason == rdmsr || reason == wrmsr || reason == xsetbv)
        return static_cast<u32>(gprs.value[Gprs::rcx]);
    if (reason == Reason::vmread || reason == vmwrite) {
        const InstructionInfo info{static_cast<u32>(uncounted(field::exit_instruction_info.encoding))};
        return gprs.value[info.register2()];
    }
    if (reason == ept_violation || reason == ept_misconfiguration)
        return uncounted(field::guest_physical_address.encoding);
    return 0;
}

}  // namespace

// The record itself must not show up in what it counts, so it reads around the counting accessor.
void note_turn_start(Cpu& cpu, const Gprs& gprs) {
    const u64 begun = hw::rdtsc();
    cpu.at_turn_start = totals_before_turn(cpu);
    Trace& trace = cpu.trace;
    trace.rip = uncounted(field::guest_rip.encoding);
    trace.detail = uncounted(field::exit_qualification.encoding);
    trace.subject = subject_of_exit(gprs);
    trace.level_before = cpu.level;
    trace.noting = ticks_since(begun);
    trace.tsc_exit = begun + trace.noting;
}

void record_turn(Cpu& cpu, ExitReason reason, Why why) {
    // Who asks for the turns does not want to see the asking, which takes thousands of them.
    if (why == Why::l1_control_call) return;
    const u64 tsc_entry = hw::rdtsc();
    Trace& trace = cpu.trace;
    const Totals& before = cpu.at_turn_start;
    const Totals& now = cpu.totals;
    if (room_of(why) == Room::reflect) ++trace.rounds;
    Turn& turn = trace.ring[trace.turns % Trace::ring_size];
    turn = {.tsc_exit = trace.tsc_exit,
            .tsc_entry = tsc_entry,
            .rip = trace.rip,
            .detail = trace.detail,
            .vmread = static_cast<u32>(now.vmread - before.vmread),
            .vmwrite = static_cast<u32>(now.vmwrite - before.vmwrite),
            .round = trace.rounds,
            .reason = static_cast<u16>(reason.raw),
            .why = static_cast<u8>(why),
            .level_before = static_cast<u8>(trace.level_before),
            .level_after = static_cast<u8>(cpu.level),
            .vmptrld = static_cast<u8>(now.vmptrld - before.vmptrld),
            .vmclear = static_cast<u8>(now.vmclear - before.vmclear),
            .flushes = static_cast<u8>(now.invept - before.invept + now.invvpid - before.invvpid),
            .noting = trace.noting,
            .recording = 0,
            .subject = trace.subject};
    ++trace.turns;
    turn.recording = ticks_since(tsc_entry);
}

}  // namespace kurma::l0
