// One visit of L0, from hardware exit to hardware entry: the front door.
//
//     OBSERVE  what the reason needs          observe.hpp
//     ROUTE    L0? L1? else L0                vmx/route.hpp
//     then one room:  EMULATE  a VMX instruction of L1           vmx_instructions.cpp
//                     COMPOSE  ept02 from ept12 and ept01        compose.cpp
//                     REFLECT  the exit is L1's                  reflect.cpp
//                     L0       L0's own                          l1_exits.cpp, l2_exits.cpp
//     COMMIT   the VMCS of the level that runs next              commit.cpp
//
// Only emulate (VMLAUNCH, VMRESUME), compose and reflect choose another level.

#include "../trace/trace.hpp"
#include "commit.hpp"
#include "observe.hpp"
#include "rooms.hpp"

namespace kurma::l0 {

using vmx::Reason;
using vmx::Room;
using vmx::Why;

namespace {

Why turn_of_l1(Cpu& cpu, Gprs& gprs, Reason reason) {
    const Why why = vmx::route_l1(reason);
    return vmx::room_of(why) == Room::emulate ? emulate_for_l1(cpu, gprs, reason)
                                              : handle_l1_exit(cpu, gprs, reason, why);
}

Why turn_of_l2(Cpu& cpu, Gprs& gprs, const vmx::L2Exit& exit) {
    const Why why = vmx::route_l2(cpu.running->vmcs12, exit, Bitmaps12{cpu});
    switch (vmx::room_of(why)) {
        case Room::compose: return compose_for_l2(cpu);
        case Room::reflect: return reflect_to_l1(cpu, exit, why);
        case Room::l0:
        case Room::emulate: return handle_l2_exit(cpu, gprs, exit, why);
    }
    return why;
}

}  // namespace

extern "C" bool turn(Cpu* running_cpu, Gprs* gprs) {
    Cpu& cpu = *running_cpu;
    const vmx::ExitReason reason = observe_reason(cpu);
    begin_turn(cpu, reason);
    const Why why = cpu.level == Level::l1 ? turn_of_l1(cpu, *gprs, reason_of_l1(cpu, reason))
                                           : turn_of_l2(cpu, *gprs, observe_l2(cpu, *gprs, reason));
    const bool launch = commit(cpu);
    end_turn(cpu, reason, why);
    return launch;
}

extern "C" bool entry_failed(Cpu* running_cpu, Gprs* gprs) {
    Cpu& cpu = *running_cpu;
    refused_by_hardware(cpu, *gprs);
    return commit(cpu);
}

}  // namespace kurma::l0
