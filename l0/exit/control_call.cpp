// Kurma's own VMCALL: L1 and its programs read what L0 has counted.
//
//   RAX "KURMA", RCX function, RDX argument; the answer comes in RAX, all ones if there is none.
//   0: latch the totals.   1: latched total number RDX, in the order of `Totals`.   2: reset the counters per
//   reason. 3: base of L0's memory.   4: its size.
#include "rooms.hpp"

namespace kurma::l0 {

namespace {

constexpr u64 signature = 0x414d52554b;
constexpr u64 no_answer = ~u64{0};

enum class Function : u64 { latch = 0, total = 1, reset = 2, reserved_base = 3, reserved_size = 4 };

u64 total(const Totals& t, u64 index) {
    const u64 values[] = {t.exits,    t.vmread,   t.vmwrite, t.vmptrld, t.vmclear,
                          t.vmlaunch, t.vmresume, t.invept,  t.invvpid};
    return index < std::size(values) ? values[index] : no_answer;
}

}  // namespace

bool is_control_call(const Gprs& gprs) { return gprs.value[Gprs::rax] == signature; }

void answer_control_call(Cpu& cpu, Gprs& gprs) {
    // What this very turn adds is taken back in end_turn; the latch must not see it either.
    u64 answer = no_answer;
    switch (static_cast<Function>(gprs.value[Gprs::rcx])) {
        case Function::latch:
            cpu.latched = cpu.at_turn_start;
            answer = 0;
            break;
        case Function::total: answer = total(cpu.latched, gprs.value[Gprs::rdx]); break;
        case Function::reset:
            cpu.trace.exits = {};
            answer = 0;
            break;
        case Function::reserved_base: answer = cpu.machine->reserved.base.value(); break;
        case Function::reserved_size: answer = cpu.machine->reserved.size; break;
    }
    gprs.value[Gprs::rax] = answer;
}

}  // namespace kurma::l0
