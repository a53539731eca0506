// What L0 counts: hardware operations, exits per (reason, room, why), and, as a knob, one record per turn.
#pragma once

#include <array>
#include <vmx/exit.hpp>
#include <vmx/route.hpp>

namespace kurma::l0 {

/// Operations that L0 executed on the real processor. A control call neither adds to them nor appears in
/// them.
struct Totals {
    u64 exits = 0, vmread = 0, vmwrite = 0, vmptrld = 0, vmclear = 0, vmlaunch = 0, vmresume = 0, invept = 0,
        invvpid = 0;
};

struct NamedTotal {
    const char* name;
    u64 Totals::*total;
};

/// In the order in which the control call numbers them.
inline constexpr NamedTotal named_totals[] = {
    {"exits", &Totals::exits},       {"vmread", &Totals::vmread},   {"vmwrite", &Totals::vmwrite},
    {"vmptrld", &Totals::vmptrld},   {"vmclear", &Totals::vmclear}, {"vmlaunch", &Totals::vmlaunch},
    {"vmresume", &Totals::vmresume}, {"invept", &Totals::invept},   {"invvpid", &Totals::invvpid},
};

enum class Level : u8 { l1 = 1, l2 = 2 };

/// One turn, 64 bytes.
struct Turn {
    u64 tsc_exit, tsc_entry;
    u64 rip;
    u64 detail;
    u32 vmread, vmwrite;
    u32 round;
    u16 reason;
    u8 why, level_before;
    u8 level_after;
    u8 vmptrld, vmclear, flushes;
    u32 reserved[3];
};
static_assert(sizeof(Turn) == 64);

struct Trace {
    static constexpr usize ring_size = 256;

    /// Per basic exit reason and why. The inner size is a power of two, so that finding a counter takes no
    /// multiplication.
    static constexpr usize whys = 32;
    static_assert(vmx::why_count <= whys);
    std::array<std::array<u64, whys>, vmx::reason_count> exits{};
    std::array<Turn, ring_size> ring{};
    /// What a turn adds to its counter: 0 while nothing is counted.
    u64 step = 1;
    /// Turns recorded so far; the ring keeps the last of them.
    u64 turns = 0;
    /// Exits of L2 that reached L1 so far: each begins a round.
    u32 rounds = 0;
    /// Of the turn under way, noted at its start while turns are recorded.
    u64 tsc_exit = 0, rip = 0, detail = 0;
    Level level_before = Level::l1;

    u64 oldest_turn() const { return turns > ring_size ? turns - ring_size : 0; }

    [[gnu::always_inline]] void count(vmx::Why why, vmx::Reason reason) {
        const usize index = static_cast<usize>(reason);
        exits[index < vmx::reason_count ? index : vmx::reason_count - 1][static_cast<usize>(why)] += step;
    }
};

}  // namespace kurma::l0
