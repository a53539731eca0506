// Kurma's control call: how a program in L1 reads L0's counters and turns its knobs. Absent on the bare
// machine.
#pragma once

#include "base/integer.hpp"

namespace kit {

inline constexpr u64 control_call_signature = 0x414D52554B;  // "KURMA", first letter in the lowest byte
inline constexpr u64 control_call_refused = ~u64{0};

enum class ControlFunction : u64 {
    latch_totals = 0,
    read_total = 1,
    reset_reasons = 2,
    l0_base = 3,
    l0_size = 4,
    begin_request = 5,
    add_to_request = 6,
    perform_request = 7,
    read_answer = 8,
    exits_of_kind = 9
};

// What L0 executed on the real processor, in the order of control function 1.
enum class Total : u64 { exits, vmread, vmwrite, vmptrld, vmclear, vmlaunch, vmresume, invept, invvpid };
inline constexpr u64 total_count = 9;
extern const char* const total_names[total_count];

// The total behind them is that of a hardware event, where L0 was told to count one (event=...); else
// refused.
inline constexpr u64 event_index = total_count;

struct Totals {
    u64 of[total_count];
    u64 event;
    bool have_event() const { return event != control_call_refused; }
};

bool kurma_is_present();
// Only when Kurma is present: on the bare machine VMCALL is #UD or, in VMX root operation, VMfail.
u64 control_call(ControlFunction function, u64 argument = 0);
Totals latch_totals();

// Exits by who caused and handled them, and by basic reason. All zeros without Kurma, and with its trace=off.
enum class ExitKind : u8 { of_l1, of_l2_kept, of_l2_reflected };
inline constexpr u64 exit_kind_count = 3, exit_reason_count = 65;
extern const char* const exit_kind_names[exit_kind_count];

struct ExitKinds {
    u64 of[exit_kind_count][exit_reason_count];
};
void count_exit_kinds(ExitKinds& kinds);

// A request in words, such as "get trace" (l0/exit/requests.hpp lists them), and how it was answered.
enum class Verdict : u8 { done = 0, refused = 1, cut = 2 };
struct Answer {
    Verdict verdict;
    u32 length;
};
Answer perform_request();
// Begins a request, adds the words to it, one after the other, and has it performed.
Answer ask(const char* words, const char* more_words = "");
void add_to_request(const char* words);
// The beginning of the last answer, as a string, cut to fit.
void read_answer(char* text, usize capacity);

// Turns a knob while this L1 runs: set_knob("vmcs_access=trap"). False where there is no Kurma, or Kurma
// refuses; the reason is the answer then.
bool set_knob(const char* assignment);

// L0's own memory, as it tells; false where there is no Kurma, or one that does not tell.
struct HiddenMemory {
    u64 base, size;
};
bool find_hidden_memory(HiddenMemory& memory);

}  // namespace kit
