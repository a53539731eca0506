#include "control_call.hpp"

#include "../cpu/cpu.hpp"
#include "../perf/counter.hpp"
#include "requests.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

namespace {

constexpr u64 signature = 0x414d52554b;
constexpr unsigned verdict_shift = 32;

enum class Function : u64 {
    latch = 0,
    total = 1,
    reset = 2,
    reserved_base = 3,
    reserved_size = 4,
    begin_request = 5,
    add_to_request = 6,
    perform_request = 7,
    read_answer = 8,
    exits_of_kind = 9
};

/// The total behind the last of `named_totals`: the event's, which is no operation of L0's.
constexpr u64 event_index = std::size(named_totals);

u64 total(const Cpu& cpu, u64 index) {
    if (index < event_index) return cpu.latched.*named_totals[index].total;
    return index == event_index ? cpu.latched_event : no_control_answer;
}

u64 latch(Cpu& cpu) {
    // What this very turn adds is taken back at its end; the latch must not see it either.
    cpu.latched = cpu.at_turn_start;
    cpu.latched_event = perf::event_total(cpu);
    return 0;
}

constexpr ExitKind kind_of(vmx::Why why) {
    if (why <= vmx::Why::l1_died) return ExitKind::of_l1;
    return vmx::room_of(why) == vmx::Room::reflect ? ExitKind::of_l2_reflected : ExitKind::of_l2_kept;
}

static_assert(
    [] {
        for (usize i = 0; i < vmx::why_count; ++i)
            if (const auto why = static_cast<vmx::Why>(i);
                (kind_of(why) == ExitKind::of_l1) != (vmx::name_of(why)[1] == '1'))
                return false;
        return true;
    }(),
    "why.def has those of L1 first, up to l1_died, and their names say so");

u64 exits_of(const Trace& trace, u64 which) {
    const u64 reason = which & 0xff, kind = which >> 8;
    if (reason >= vmx::reason_count || kind > static_cast<u64>(ExitKind::of_l2_reflected))
        return no_control_answer;
    u64 sum = 0;
    for (usize i = 0; i < vmx::why_count; ++i)
        if (kind_of(static_cast<vmx::Why>(i)) == static_cast<ExitKind>(kind)) sum += trace.exits[reason][i];
    return sum;
}

u64 perform(Cpu& cpu) {
    const Verdict verdict = perform_request(cpu);
    return u64{static_cast<u8>(verdict)} << verdict_shift | cpu.control.answer_length;
}

u64 answer_of(Cpu& cpu, Function function, u64 argument) {
    switch (function) {
        case Function::latch: return latch(cpu);
        case Function::total: return total(cpu, argument);
        case Function::reset: cpu.trace.exits = {}; return 0;
        case Function::reserved_base: return cpu.machine->reserved.base.value();
        case Function::reserved_size: return cpu.machine->reserved.size;
        case Function::begin_request: cpu.control.begin(); return 0;
        case Function::add_to_request: cpu.control.add(argument); return 0;
        case Function::perform_request: return perform(cpu);
        case Function::read_answer: return cpu.control.read(argument);
        case Function::exits_of_kind: return exits_of(cpu.trace, argument);
    }
    return no_control_answer;
}

}  // namespace

bool is_control_call(const Gprs& gprs) { return gprs.value[Gprs::rax] == signature; }

void answer_control_call(Cpu& cpu, Gprs& gprs) {
    gprs.value[Gprs::rax] =
        answer_of(cpu, static_cast<Function>(gprs.value[Gprs::rcx]), gprs.value[Gprs::rdx]);
}

}  // namespace kurma::l0
