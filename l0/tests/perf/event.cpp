#include "perf/event.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>
#include <vmx/merge.hpp>

namespace kurma::l0::perf {
namespace {

struct Taken {
    bool ours;
    std::string reason;
    Event event;
};
Taken take(std::string_view knob, std::string_view value) {
    Taken taken{};
    const char* reason = nullptr;
    taken.ours = take_word(taken.event, knob, value, reason);
    taken.reason = reason == nullptr ? "" : reason;
    return taken;
}

vmx::Capabilities processor(bool entry, bool exit) {
    vmx::Capabilities host{};
    if (entry) host.entry.raw = u64{static_cast<u32>(vmx::Entry::load_perf_global_ctrl)} << 32;
    if (exit) host.exit.raw = u64{static_cast<u32>(vmx::Exit::load_perf_global_ctrl)} << 32;
    return host;
}

/// CPUID's leaf 0AH, EAX, as a Haswell has it: version 3, four counters of 48 bits, seven events.
constexpr u64 haswell = 0x07300403;

/// A processor whose counter counts one for each instruction, if IA32_PERF_GLOBAL_CTRL and IA32_PERFEVTSEL0
/// let it.
struct FakeProcessor {
    std::map<u32, u64> msrs{{0xc1, 77}, {0x186, 0}, {0x38f, 0xf}};
    std::vector<std::pair<u32, u64>> written;
    bool counts = true;
    u32 faulting = 0;

    bool wrmsr(u32 msr, u64 value) {
        if (msr == faulting || !msrs.contains(msr)) return false;
        written.emplace_back(msr, value);
        msrs[msr] = value;
        return true;
    }
    u64 rdmsr(u32 msr) { return msrs.at(msr); }
    void execute_instructions() {
        constexpr u64 enable = 1u << 22, os = 1u << 17;
        if (counts && (msrs[0x38f] & 1) != 0 && (msrs[0x186] & enable) != 0 && (msrs[0x186] & os) != 0)
            msrs[0xc1] += 1000;
    }
};

TEST(EventWord, other_knobs_are_not_its) {
    EXPECT_FALSE(take("trace", "off").ours);
    EXPECT_FALSE(take("events", "0x1").ours);
    EXPECT_FALSE(take("", "").ours);
}

TEST(EventWord, takes_a_selector_and_a_level) {
    const Taken selector = take("event", "0xff8301c0");
    EXPECT_TRUE(selector.ours);
    EXPECT_EQ(selector.reason, "");
    EXPECT_EQ(selector.event.selector, 0xff8301c0u);
    EXPECT_TRUE(selector.event.is_set());
    EXPECT_EQ(take("event_level", "l0").event.level, CountedLevel::l0);
    EXPECT_EQ(take("event_level", "l2").event.level, CountedLevel::l2);
    EXPECT_FALSE(take("event_level", "l2").event.is_set());
}

TEST(EventWord, refuses_what_is_no_selector) {
    for (const char* const bad : {"", "0x", "c0", "0xg0", "0xC0", "0x3c0 ", "0x10000000000000000"})
        EXPECT_TRUE(take("event", bad).reason.starts_with("it takes 0x")) << bad;
    for (const char* const bad : {"", "l3", "L1", "1"})
        EXPECT_EQ(take("event_level", bad).reason, "it takes l0 | l1 | l2") << bad;
}

TEST(EventWord, refuses_bits_that_are_not_for_the_asker) {
    // The interrupt, pin control, AnyThread, enable, and all above bit 31.
    for (const char* const bad : {"0x1300c0", "0x0b00c0", "0x2300c0", "0x4300c0", "0x1000300c0"}) {
        const Taken taken = take("event", bad);
        EXPECT_TRUE(taken.reason.starts_with("only event, unit mask")) << bad;
        EXPECT_FALSE(taken.event.is_set()) << bad;
    }
    EXPECT_TRUE(take("event", "0x30300").reason.starts_with("no event has the number 0"));
    EXPECT_TRUE(take("event", "0x0").reason.starts_with("no event has the number 0"));
    EXPECT_TRUE(take("event", "0xc0").reason.starts_with("neither USR"));
}

TEST(EventNeeds, a_haswell_has_all_of_it) {
    const Monitoring monitoring = Monitoring::of(haswell);
    EXPECT_EQ(monitoring.version, 3);
    EXPECT_EQ(monitoring.counters, 4);
    EXPECT_EQ(monitoring.width, 48);
    EXPECT_EQ(impossible_here(monitoring, processor(true, true)), nullptr);
}

TEST(EventNeeds, each_thing_that_is_missing_is_named) {
    const auto reason = [](u64 eax, const vmx::Capabilities& host) {
        const char* const found = impossible_here(Monitoring::of(eax), host);
        return std::string{found == nullptr ? "" : found};
    };
    const vmx::Capabilities able = processor(true, true);
    EXPECT_NE(reason(0, able).find("has no performance monitoring"), std::string::npos);
    EXPECT_NE(reason(0x07300401, able).find("of version 1"), std::string::npos);
    EXPECT_NE(reason(0x07300003, able).find("no general-purpose counter"), std::string::npos);
    EXPECT_NE(reason(haswell, processor(false, true)).find("IA32_PERF_GLOBAL_CTRL"), std::string::npos);
    EXPECT_NE(reason(haswell, processor(true, false)).find("IA32_PERF_GLOBAL_CTRL"), std::string::npos);
}

TEST(EventLevels, the_counter_runs_in_the_one_that_is_asked_for_and_in_no_other) {
    const auto values = [](CountedLevel level) {
        const GlobalCtrl v = global_ctrl(level);
        return std::vector<u64>{v.l0, v.l1, v.l2};
    };
    EXPECT_EQ(values(CountedLevel::l0), (std::vector<u64>{1, 0, 0}));
    EXPECT_EQ(values(CountedLevel::l1), (std::vector<u64>{0, 1, 0}));
    EXPECT_EQ(values(CountedLevel::l2), (std::vector<u64>{0, 0, 1}));
}

TEST(EventCounter, starts_from_nothing_with_its_event_and_stands_until_its_level_runs) {
    FakeProcessor processor;
    EXPECT_TRUE(start_counting(processor, {.selector = 0x0200c5, .level = CountedLevel::l2}));
    EXPECT_EQ(processor.msrs[0xc1], 0u);
    EXPECT_EQ(processor.msrs[0x186], 0x4200c5u);
    EXPECT_EQ(processor.msrs[0x38f], 0u);
    // No counter runs while it is changed.
    ASSERT_FALSE(processor.written.empty());
    EXPECT_EQ(processor.written.front(), (std::pair<u32, u64>{0x38f, 0}));
    EXPECT_EQ(processor.written.back().first, 0x38fu);
}

TEST(EventCounter, runs_at_once_if_l0_is_counted) {
    FakeProcessor processor;
    EXPECT_TRUE(start_counting(processor, {.selector = 0x0300c0, .level = CountedLevel::l0}));
    EXPECT_EQ(processor.msrs[0x38f], 1u);
}

TEST(EventCounter, one_that_stands_still_is_found_out) {
    FakeProcessor processor;
    processor.counts = false;
    EXPECT_FALSE(start_counting(processor, {.selector = 0x0300c0, .level = CountedLevel::l0}));
    EXPECT_EQ(processor.msrs[0x38f], 0u);
}

TEST(EventCounter, a_register_that_is_not_there_is_found_out) {
    for (const u32 msr : {0xc1u, 0x186u, 0x38fu}) {
        FakeProcessor processor;
        processor.faulting = msr;
        EXPECT_FALSE(start_counting(processor, {.selector = 0x0300c0, .level = CountedLevel::l1})) << msr;
    }
}

TEST(HiddenMonitoring, registers_of_performance_monitoring_are_hidden_and_their_neighbours_are_not) {
    for (const u32 msr :
         {0xc1u, 0xc8u, 0x186u, 0x18du, 0x309u, 0x345u, 0x38du, 0x38eu, 0x38fu, 0x392u, 0x3f1u, 0x4c1u})
        EXPECT_TRUE(is_hidden_msr(msr)) << std::hex << msr;
    for (const u32 msr :
         {0x10u, 0xc0u, 0xc9u, 0x185u, 0x1d9u, 0x277u, 0x38cu, 0x393u, 0x480u, 0x491u, 0x802u, 0xc0000080u})
        EXPECT_FALSE(is_hidden_msr(msr)) << std::hex << msr;
}

TEST(HiddenMonitoring, all_hidden_registers_fit_beside_the_vmx_ones_in_the_intercepts) {
    std::vector<u64> page(512);
    const auto set = [&](u32 msr) {
        constexpr u32 write_words = 256;
        page[msr / 64] |= u64{1} << msr % 64;
        page[write_words + msr / 64] |= u64{1} << msr % 64;
    };
    for (const MsrRange& range : hidden_msrs)
        for (u32 msr = range.first; msr <= range.last; ++msr) set(msr);
    set(x86::msr::feature_control);
    for (u32 msr = x86::msr::vmx_basic; msr <= x86::msr::vmx_vmfunc; ++msr) set(msr);
    vmx::Intercepts01 intercepts;
    EXPECT_TRUE(intercepts.take(page.data(), page.size()));
}

TEST(HiddenMonitoring, cpuid_tells_of_none) {
    const auto after = [](u32 leaf) {
        u64 eax = haswell, ebx = 0x7f, ecx = 0xffffffff, edx = 0x603;
        hide_monitoring(leaf, {eax, ebx, ecx, edx});
        return std::vector<u64>{eax, ebx, ecx, edx};
    };
    EXPECT_EQ(after(0x0a), (std::vector<u64>{0, 0, 0, 0}));
    EXPECT_EQ(after(1), (std::vector<u64>{haswell, 0x7f, 0xffff7fff, 0x603}));
    EXPECT_EQ(after(7), (std::vector<u64>{haswell, 0x7f, 0xffffffff, 0x603}));
}

}  // namespace
}  // namespace kurma::l0::perf
