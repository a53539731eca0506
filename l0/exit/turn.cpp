// One visit of L0, from hardware exit to hardware entry: the front door.
//
//     OBSERVE  what the reason needs          observe.hpp
//     ROUTE    L0? L1? else L0                vmx/route.hpp
//     then one room:  EMULATE  a VMX instruction of L1           vmx_instructions.cpp
//                     COMPOSE  ept02 from ept12 and ept01        compose.cpp
//                     REFLECT  the exit is L1's                  reflect.cpp
//                     L0       L0's own                          l1_exits.cpp, l2_exits.cpp
//     COMMIT   the VMCS of the level that runs next              commit.hpp
//
// Only emulate (VMLAUNCH, VMRESUME), compose and reflect choose another level. There is one function for each
// level and reason, so that what the reason decides is decided while Kurma is compiled: for L1 all of the
// route, for L2 most of it.

#include "../trace/death.hpp"
#include "../trace/trace.hpp"
#include "commit.hpp"
#include "observe.hpp"
#include "quick_answers.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using vmx::ExitReason;
using vmx::Reason;
using vmx::Room;
using vmx::Why;

extern "C" [[noreturn]] void enter_by_vmlaunch(Gprs* gprs);

namespace {

using Function = void (*)(Cpu&, Gprs&);

/// What few turns do at their end: the record is of what COMMIT did, too.
[[gnu::noinline, gnu::flatten]] void do_more_in_l1(Cpu& cpu, ExitReason reason, Why why) {
    prepare_l1(cpu);
    if (cpu.recording) record_turn(cpu, reason, why);
}

/// L1 runs next.
[[gnu::always_inline]] inline void end_turn_in_l1(Cpu& cpu, ExitReason reason, Why why) {
    cpu.trace.count(why, reason.basic());
    ++cpu.totals.vmresume;
    if (cpu.more_to_do()) [[unlikely]]
        do_more_in_l1(cpu, reason, why);
}

/// Either level runs next.
[[gnu::always_inline]] inline void end_turn(Cpu& cpu, Gprs& gprs, ExitReason reason, Why why) {
    if (cpu.level == Level::l1) return end_turn_in_l1(cpu, reason, why);
    cpu.trace.count(why, reason.basic());
    const bool launch = commit_l2(cpu);
    if (cpu.recording) [[unlikely]]
        record_turn(cpu, reason, why);
    if (launch) enter_by_vmlaunch(&gprs);
}

template <Reason reason>
[[gnu::noinline]] void whole_turn_of_l1_by(Cpu& cpu, Gprs& gprs) {
    constexpr Why why = vmx::route_l1(reason);
    if constexpr (reason == Reason::vmlaunch || reason == Reason::vmresume) {
        emulate_vm_entry_for_l1(cpu, gprs, reason);
        end_turn(cpu, gprs, ExitReason::of(reason), why);
    } else {
        Why finer = why;
        if constexpr (vmx::room_of(why) == Room::emulate)
            emulate_for_l1<reason>(cpu, gprs);
        else
            finer = answer_l1<why>(cpu, gprs, reason);
        end_turn_in_l1(cpu, ExitReason::of(reason), finer);
    }
}

/// The three that L1 asks for most often have a quick form of which all is known beforehand
/// (quick_answers.hpp).
template <Reason reason>
void turn_of_l1_by(Cpu& cpu, Gprs& gprs) {
    if constexpr (has_quick_answer(reason)) {
        if (!answer_quickly<reason>(cpu, gprs)) [[unlikely]]
            return whole_turn_of_l1_by<reason>(cpu, gprs);
        end_turn_in_l1(cpu, ExitReason::of(reason), vmx::route_l1(reason));
    } else {
        whole_turn_of_l1_by<reason>(cpu, gprs);
    }
}

template <Reason reason>
void turn_of_l2_by(Cpu& cpu, Gprs& gprs) {
    const vmx::L2Exit exit = observe_l2<reason>(cpu, gprs);
    Why why = vmx::route_l2(cpu.running->vmcs12, exit, Bitmaps12{cpu});
    switch (vmx::room_of(why)) {
        case Room::compose: why = compose_for_l2(cpu); break;
        case Room::reflect: why = reflect_to_l1(cpu, exit, why); break;
        case Room::l0:
        case Room::emulate: why = handle_l2_exit(cpu, gprs, exit, why); break;
    }
    end_turn(cpu, gprs, exit.reason, why);
}

/// Entries that failed late, and reasons that Kurma has no name for.
[[gnu::noinline]] void turn_of_l2_by_other(Cpu& cpu, Gprs& gprs) {
    const ExitReason reason = observe_reason(cpu);
    const vmx::L2Exit exit{.reason = reason, .interruption = {}, .io = {}, .msr = 0};
    const Why routed = vmx::route_l2(cpu.running->vmcs12, exit, Bitmaps12{cpu});
    const Why why = reflect_to_l1(cpu, exit, routed);
    end_turn(cpu, gprs, reason, why);
}

/// A reason without a name, or vmcs01's guest state refused: L1 cannot go on.
[[gnu::noinline]] void turn_of_l1_by_other(Cpu& cpu, Gprs&) {
    const ExitReason reason = observe_reason(cpu);
    l1_died(cpu, reason.entry_failure()                   ? "the processor refused vmcs01's guest state"
                 : reason.basic() == Reason::triple_fault ? "L1 triple-faulted"
                                                          : "L1 left by an exit that Kurma does not handle");
}

/// By the low bits of the exit-reason field, which tell the reasons apart: those that are the processor's
/// only when an entry fails (SDM 3C 27.8) have numbers of their own.
using Turns = std::array<Function, 128>;
static_assert(vmx::reason_count <= std::tuple_size_v<Turns>);

constexpr Turns turns_of_l1 = [] {
    Turns turns{};
    turns.fill(&turn_of_l1_by_other);
#define R(name, number) \
    if (vmx::route_l1(Reason::name) != Why::l1_died) turns[number] = &turn_of_l1_by<Reason::name>;
#include <vmx/reasons.def>
#undef R
    return turns;
}();

constexpr Turns turns_of_l2 = [] {
    Turns turns{};
    turns.fill(&turn_of_l2_by_other);
#define R(name, number) turns[number] = &turn_of_l2_by<Reason::name>;
#include <vmx/reasons.def>
#undef R
    for (const Reason failed :
         {Reason::invalid_guest_state, Reason::msr_loading, Reason::machine_check_on_entry})
        turns[static_cast<usize>(failed)] = &turn_of_l2_by_other;
    return turns;
}();

/// A turn with a record of when it began.
[[gnu::noinline]] void recorded_turn(Cpu& cpu, Gprs& gprs, Function turn) {
    note_turn_start(cpu, gprs);
    turn(cpu, gprs);
}

template <const Turns& turns>
[[gnu::always_inline]] inline void take_turn(Cpu& cpu, Gprs& gprs) {
    ++cpu.totals.exits;
    const Function turn = turns[observe_reason(cpu).raw % turns.size()];
    if (cpu.recording) [[unlikely]]
        return recorded_turn(cpu, gprs, turn);
    turn(cpu, gprs);
}

}  // namespace

extern "C" void turn_of_l1(Cpu* cpu, Gprs* gprs) { take_turn<turns_of_l1>(*cpu, *gprs); }

extern "C" void turn_of_l2(Cpu* cpu, Gprs* gprs) {
    cpu->relink = true;
    take_turn<turns_of_l2>(*cpu, *gprs);
}

extern "C" void entry_failed(Cpu* running_cpu, Gprs* gprs) {
    Cpu& cpu = *running_cpu;
    refused_by_hardware(cpu, *gprs);
    prepare_l1(cpu);
    ++cpu.totals.vmresume;
}

}  // namespace kurma::l0
