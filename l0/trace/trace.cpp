#include "trace.hpp"

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

using namespace vmx;

// The record itself must not show up in what it counts, so it reads around the counting accessor.
void note_turn_start(Cpu& cpu) {
    cpu.at_turn_start = totals_before_turn(cpu);
    cpu.trace.tsc_exit = hw::rdtsc();
    cpu.trace.rip = hw::vmread(field::guest_rip.encoding.raw);
    cpu.trace.detail = hw::vmread(field::exit_qualification.encoding.raw);
    cpu.trace.level_before = cpu.level;
}

void record_turn(Cpu& cpu, ExitReason reason, Why why) {
    // Who asks for the turns does not want to see the asking, which takes thousands of them.
    if (why == Why::l1_control_call) return;
    Trace& trace = cpu.trace;
    const Totals& before = cpu.at_turn_start;
    const Totals& now = cpu.totals;
    const bool reflected = room_of(why) == Room::reflect;
    Turn& turn = trace.ring[trace.turns % Trace::ring_size];
    turn = {.tsc_exit = cpu.trace.tsc_exit,
            .tsc_entry = hw::rdtsc(),
            .rip = cpu.trace.rip,
            .detail = cpu.trace.detail,
            .vmread = static_cast<u32>(now.vmread - before.vmread),
            .vmwrite = static_cast<u32>(now.vmwrite - before.vmwrite),
            .round = trace.rounds,
            .reason = static_cast<u16>(reason.raw),
            .why = static_cast<u8>(why),
            .level_before = static_cast<u8>(cpu.trace.level_before),
            .level_after = static_cast<u8>(cpu.level),
            .vmptrld = static_cast<u8>(now.vmptrld - before.vmptrld),
            .vmclear = static_cast<u8>(now.vmclear - before.vmclear),
            .flushes = static_cast<u8>(now.invept - before.invept + now.invvpid - before.invvpid),
            .reserved = {}};
    ++trace.turns;
    if (reflected) ++trace.rounds;
}

}  // namespace kurma::l0
