// ROUTE: who answers an exit, and why.
//
// In:    the exit as observed, and for exits of L2 the controls that L1 asked for (vmcs12's image).
// Out:   Route{why}; the room follows from the why.
// Never: reads a VMCS, changes anything, answers "nobody".
// Laws:  Totality: every reason, at both levels, has an answer. An exit of L2 that 01 does not ask for is
// L1's. SDM:   3C 26.1 (instructions that exit), 26.2 (other causes), 28.1.
#pragma once

#include <concepts>
#include <ept/integer.hpp>
#include <vmx/event.hpp>
#include <vmx/exit.hpp>
#include <vmx/nested.hpp>
#include <vmx/qualification.hpp>

namespace kurma::vmx {

enum class Room : u8 { l0, emulate, compose, reflect };

enum class Why : u8 {
#define W(name, room, what) name,
#include <vmx/why.def>
#undef W
};
inline constexpr usize why_count =
#define W(name, room, what) +1
#include <vmx/why.def>
#undef W
    ;

constexpr Room room_of(Why why) {
    switch (why) {
#define W(name, room, what) \
    case Why::name:         \
        return Room::room;
#include <vmx/why.def>
#undef W
    }
    return Room::l0;
}

constexpr const char* name_of(Why why) {
    switch (why) {
#define W(name, room, what) \
    case Why::name:         \
        return #name;
#include <vmx/why.def>
#undef W
    }
    return "?";
}

constexpr const char* name_of(Room room) {
    switch (room) {
        case Room::l0: return "l0";
        case Room::emulate: return "emulate";
        case Room::compose: return "compose";
        case Room::reflect: return "reflect";
    }
    return "?";
}

/// L1 ran and left by `reason`. Ports and faults are told apart later, by whoever reads the qualification.
constexpr Why route_l1(Reason reason);

/// What routing an exit of L2 may need beside the reason; each is read only if the reason asks for it.
struct L2Exit {
    ExitReason reason{};
    InterruptionInfo interruption{};
    IoQualification io{};
    u32 msr = 0;
};

/// One bit of a bitmap page that L1 owns, read at the moment of the exit.
template <class B>
concept Bitmaps12 = requires(const B& bitmaps, u32 msr, bool write, u16 port) {
    { bitmaps.msr_intercepted(msr, write) } -> std::same_as<bool>;
    { bitmaps.io_intercepted(port, 1u) } -> std::same_as<bool>;
};

/// L2 ran. Reasons that only vmcs12 can have asked for, or that always exit, need no bitmap.
constexpr Why route_l2_fixed(const Vmcs12& vmcs12, const L2Exit& exit);

/// L2 ran and left by `exit`.
template <Bitmaps12 B>
constexpr Why route_l2(const Vmcs12& vmcs12, const L2Exit& exit, const B& bitmaps) {
    if (exit.reason.entry_failure()) return Why::l2_failed_entry;
    const Reason reason = exit.reason.basic();
    if (reason == Reason::ept_violation) return Why::l2_ept02_fill;
    if (reason == Reason::rdmsr || reason == Reason::wrmsr)
        return bitmaps.msr_intercepted(exit.msr, reason == Reason::wrmsr) ? Why::l2_msr_bitmap
                                                                          : Why::l2_msr_l0_only;
    if (reason == Reason::io_instruction)
        return bitmaps.io_intercepted(exit.io.port(), exit.io.bytes()) ? Why::l2_io_bitmap
                                                                       : Why::l2_io_l0_only;
    return route_l2_fixed(vmcs12, exit);
}

}  // namespace kurma::vmx

#include "../../src/route/route.ipp"
