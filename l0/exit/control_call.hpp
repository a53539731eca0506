// Kurma's own VMCALL, for L1 and its programs, at any privilege level: RAX "KURMA", RCX function, RDX
// argument; the answer comes in RAX, all ones if there is none, and every other register keeps its value.
//
//   0  latch the totals             1  latched total number RDX, in the order of `named_totals`;
//      behind them the event's count (perf/event.hpp), all ones if there is none
//   2  reset the counters           3  base of L0's memory           4  its size
//   5  begin a request              6  add to it the bytes of RDX, lowest first, up to a byte 0
//   7  perform the request: bits 31:0 are the length of the answer, 39:32 its verdict (enum Verdict)
//   8  eight bytes of the answer from offset RDX on, zeros beyond its end
//   9  how many exits of one kind there were since the last reset: RDX 7:0 is the basic reason, 15:8 the kind
//      (enum ExitKind). Nothing is counted while trace=off. A kind whose reason is VMCALL has this very call
//      in it.
//
// A request is text, and so is its answer (exit/requests.hpp). There is one of each: programs that ask at the
// same time spoil each other's request, never more than that.
//
// In:    registers of L1, which may be anything, in any order.
// Out:   RAX. Nothing that a control call does appears in the totals.
// Never: follows an address of L1's; reads or writes past its two buffers.
#pragma once

#include <array>
#include <ept/integer.hpp>

namespace kurma::l0 {

/// RAX where there is no answer.
inline constexpr u64 no_control_answer = ~u64{0};

/// Who caused an exit, and who handled it.
enum class ExitKind : u8 { of_l1 = 0, of_l2_kept = 1, of_l2_reflected = 2 };

enum class Verdict : u8 { done = 0, refused = 1, cut = 2 };

/// The request under way and the last answer.
struct ControlCall {
    /// The longest sensible request names a knob and a value.
    std::array<char, 128> request{};
    usize request_length = 0;
    bool request_too_long = false;
    /// Room for the JSON object with every turn of the ring.
    static constexpr usize answer_capacity = 128 * 1024;
    char* answer = nullptr;
    usize answer_length = 0;

    void begin();
    /// What is no printable character counts as a question mark, so that answers may repeat what was asked.
    void add(u64 bytes);
    /// Eight bytes of the answer, or all ones from its end on.
    u64 read(u64 offset) const;
};

}  // namespace kurma::l0
