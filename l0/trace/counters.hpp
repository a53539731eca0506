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

/// One turn, 64 bytes. Between `tsc_exit` and `tsc_entry` lies what the turn itself took; writing it down
/// takes `noting` before and `recording` after, which is neither the turn's nor the guest's: each some 50
/// instructions, of which 16 bits are kept.
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
    u16 noting, recording;
    /// What the exit was about: CPUID's leaf, the MSR, the VMCS field of VMREAD and VMWRITE, VMCALL's RAX,
    /// the guest-physical address of EPT's exits; else 0.
    u64 subject;
};
static_assert(sizeof(Turn) == 64);

struct Trace {
    /// A power of two: a remainder takes no division. As many as show a few rounds of the longest kind; what
    /// a person reads, or an answer to L1 has room for, is the last `shown` of them.
    static constexpr usize ring_size = 4096, shown = 256;
    static_assert((ring_size & (ring_size - 1)) == 0 && shown < ring_size);

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
    /// Exits of L2 that reached L1 so far: each begins a round, which has its number.
    u32 rounds = 0;
    /// Of the turn under way, noted at its start while turns are recorded.
    u64 tsc_exit = 0, rip = 0, detail = 0, subject = 0;
    u16 noting = 0;
    Level level_before = Level::l1;

    /// The first of the last `count` turns that are still in the ring.
    u64 oldest_turn(usize count = ring_size) const { return turns > count ? turns - count : 0; }

    [[gnu::always_inline]] void count(vmx::Why why, vmx::Reason reason) {
        const usize index = static_cast<usize>(reason);
        exits[index < vmx::reason_count ? index : vmx::reason_count - 1][static_cast<usize>(why)] += step;
    }
};

}  // namespace kurma::l0
