// One event of the processor, counted in one level alone: what of it can be decided without a processor.
//
// In:    two words of L0's command line, `event=` (the bits of IA32_PERFEVTSEL0 that select the event, which
// the front door
//        encodes by libpfm4) and `event_level=` l0, l1 or l2; CPUID's leaf 0AH; the VMX capabilities.
// Out:   a reason to refuse, or the values of IA32_PERF_GLOBAL_CTRL that let counter 0 run in that level and
// in no other. SDM:   3B 20.2.1, 20.2.2 (counters, IA32_PERF_GLOBAL_CTRL), 3C 27.3.2.1 and 28.5.1 (entry and
// exit load it).
#pragma once

#include <string_view>
#include <vmx/capability.hpp>
#include <x86/msr.hpp>

namespace kurma::l0::perf {

enum class CountedLevel : u8 { l0, l1, l2 };
const char* name_of(CountedLevel level);

/// What is asked for on the command line.
struct Event {
    /// Event, unit mask, USR, OS, edge, invert, counter mask; zero: no event is counted.
    u64 selector = 0;
    CountedLevel level = CountedLevel::l1;
    constexpr bool is_set() const { return selector != 0; }
};

/// IA32_PERFEVTSEL0's bits (SDM 3B 20.2.1.1).
namespace select {
inline constexpr u64 event_mask = 0xff, unit_mask = 0xff00;
inline constexpr u64 user = 1u << 16, os = 1u << 17, edge = 1u << 18, enable = 1u << 22, invert = 1u << 23;
inline constexpr u64 counter_mask = 0xff000000;
/// What the command line may ask for. Not the interrupt: it would be L1's, which knows of no counter. Not pin
/// control, nor AnyThread, which would count another level of the other thread.
inline constexpr u64 allowed = event_mask | unit_mask | user | os | edge | invert | counter_mask;
}  // namespace select

/// Whether the word is one of the two; if it is, `reason` says what is wrong with its value, or is null.
bool take_word(Event& event, std::string_view knob, std::string_view value, const char*& reason);

/// CPUID's leaf 0AH, EAX.
struct Monitoring {
    u8 version = 0, counters = 0, width = 0;
    static constexpr Monitoring of(u64 eax) {
        return {static_cast<u8>(eax), static_cast<u8>(eax >> 8), static_cast<u8>(eax >> 16)};
    }
};

/// Why this processor cannot count an event in one level; null if it can.
const char* impossible_here(const Monitoring& monitoring, const vmx::Capabilities& host);

/// IA32_PERF_GLOBAL_CTRL in each level. Bit 0 is counter 0; no other counter ever runs.
struct GlobalCtrl {
    u64 l0, l1, l2;
};
constexpr GlobalCtrl global_ctrl(CountedLevel level) {
    return {
        .l0 = level == CountedLevel::l0, .l1 = level == CountedLevel::l1, .l2 = level == CountedLevel::l2};
}

/// The MSRs of performance monitoring. While an event is counted they do not exist for L1 and L2: there is
/// one counter 0, an L1 that programmed it would count its own events as those that were asked for, and what
/// L1 wrote to IA32_PERF_GLOBAL_CTRL would be gone at its next exit. A hypervisor that finds no counters uses
/// none.
struct MsrRange {
    u32 first, last;
};
inline constexpr MsrRange hidden_msrs[] = {
    {0xc1, 0xc8},    // IA32_PMC0 to 7
    {0x186, 0x18d},  // IA32_PERFEVTSEL0 to 7
    {0x309, 0x30c},  // IA32_FIXED_CTR0 to 3
    {0x329, 0x329},  // IA32_PERF_METRICS
    {0x345, 0x345},  // IA32_PERF_CAPABILITIES
    {0x38d,
     0x392},  // IA32_FIXED_CTR_CTRL, IA32_PERF_GLOBAL_STATUS, _CTRL, _STATUS_RESET, _STATUS_SET, _INUSE
    {0x3f1, 0x3f1},  // IA32_PEBS_ENABLE
    {0x4c1, 0x4c8},  // IA32_A_PMC0 to 7
};
constexpr bool is_hidden_msr(u32 msr) {
    for (const MsrRange& range : hidden_msrs)
        if (msr >= range.first && msr <= range.last) return true;
    return false;
}

/// CPUID as L1 is to find it while an event is counted: no performance monitoring, and no
/// IA32_PERF_CAPABILITIES.
struct CpuidWords {
    u64 &eax, &ebx, &ecx, &edx;
};
inline constexpr u32 monitoring_leaf = 0x0a;
void hide_monitoring(u32 leaf, const CpuidWords& words);

/// Counter 0, on instructions retired, while `world` executes some.
template <class World>
bool really_counts(World& world) {
    constexpr u64 instructions_retired = 0xc0;
    const u64 every_level = select::user | select::os;
    bool written = world.wrmsr(x86::msr::perf_global_ctrl, 0);
    written =
        written && world.wrmsr(x86::msr::perfevtsel0, instructions_retired | every_level | select::enable);
    written = written && world.wrmsr(x86::msr::pmc0, 0) && world.wrmsr(x86::msr::perf_global_ctrl, 1);
    if (!written) return false;
    world.execute_instructions();
    return world.wrmsr(x86::msr::perf_global_ctrl, 0) && world.rdmsr(x86::msr::pmc0) != 0;
}

/// Counter 0 from nothing, while L0 runs: the entry to L1 will load what L1's level gets. World has the
/// processor's MSRs. False where the counter stands still.
template <class World>
bool start_counting(World& world, const Event& event) {
    if (!really_counts(world)) return false;
    return world.wrmsr(x86::msr::perfevtsel0, 0) && world.wrmsr(x86::msr::pmc0, 0) &&
           world.wrmsr(x86::msr::perfevtsel0, event.selector | select::enable) &&
           world.wrmsr(x86::msr::perf_global_ctrl, global_ctrl(event.level).l0);
}

}  // namespace kurma::l0::perf
