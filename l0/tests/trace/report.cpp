#include "trace/report.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace kurma::l0 {

u64 mm::image_bytes() { return 4096; }

namespace {

using vmx::Reason;
using vmx::Why;

template <class Write>
std::string written(Write&& write) {
    std::vector<char> memory(usize{1} << 20);
    Out out{memory.data(), memory.size()};
    write(out);
    EXPECT_FALSE(out.was_cut());
    return {memory.data(), out.length()};
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream{text};
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// The counters' part of `stats`: what follows the empty line and the heads of its columns.
std::vector<std::string> counters_of(const Trace& trace) {
    const auto lines = lines_of(written([&](Out& out) { write_stats(out, Totals{}, trace); }));
    usize first = 0;
    while (first < lines.size() && !lines[first].empty()) ++first;
    return {lines.begin() + static_cast<std::ptrdiff_t>(first) + 2, lines.end()};
}

TEST(Stats, begin_with_each_total_by_name) {
    Totals totals{};
    totals.exits = 7;
    totals.invvpid = ~u64{0};
    const auto trace = std::make_unique<Trace>();
    const std::string text = written([&](Out& out) { write_stats(out, totals, *trace); });
    EXPECT_TRUE(text.starts_with("           7  exits\n           0  vmread\n")) << text;
    EXPECT_NE(text.find("18446744073709551615  invvpid\n"), text.npos) << text;
}

TEST(Stats, list_counters_from_the_largest_down_each_once_and_none_that_is_0) {
    const auto trace = std::make_unique<Trace>();
    const auto count = [&](Reason reason, Why why, u64 times) {
        trace->exits[static_cast<usize>(reason)][static_cast<usize>(why)] = times;
    };
    EXPECT_TRUE(counters_of(*trace).empty());
    count(Reason::cpuid, Why::l1_cpuid, 5);
    count(Reason::vmcall, Why::l1_control_call, 5);
    count(Reason::hlt, Why::l2_controls_of_l1, ~u64{0});
    count(Reason::cpuid, Why::l2_unconditional, 1);
    const auto lines = counters_of(*trace);
    ASSERT_EQ(lines.size(), 4u);
    EXPECT_NE(lines[0].find("18446744073709551615  hlt "), std::string::npos) << lines[0];
    EXPECT_NE(lines[1].find("           5  cpuid "), std::string::npos) << lines[1];
    EXPECT_NE(lines[1].find(" l1_cpuid"), std::string::npos) << lines[1];
    EXPECT_NE(lines[2].find("           5  vmcall "), std::string::npos) << lines[2];
    EXPECT_NE(lines[3].find("           1  cpuid "), std::string::npos) << lines[3];
}

TEST(Turns, are_the_last_of_the_ring_oldest_first) {
    const auto trace = std::make_unique<Trace>();
    constexpr u64 count = Trace::ring_size + 44;
    for (u64 i = 0; i < count; ++i) {
        Turn& turn = trace->ring[i % Trace::ring_size];
        turn.tsc_exit = i;
        turn.tsc_entry = i + 9;
        ++trace->turns;
    }
    const auto lines = lines_of(written([&](Out& out) { write_turns(out, *trace, "| "); }));
    ASSERT_EQ(lines.size(), Trace::shown + 1);
    EXPECT_TRUE(lines[1].starts_with("|   " + std::to_string(count - Trace::shown) + " 9 L")) << lines[1];
    EXPECT_TRUE(lines.back().starts_with("|   " + std::to_string(count - 1) + " 9 L")) << lines.back();
}

TEST(Json, of_the_widest_turns_fits_into_an_answer) {
    const auto machine = std::make_unique<Machine>();
    const auto cpu = std::make_unique<Cpu>();
    cpu->machine = machine.get();
    for (auto& by_why : cpu->trace.exits) by_why[0] = by_why[1] = ~u64{0};
    Turn widest{};
    widest.tsc_exit = widest.tsc_entry = widest.rip = widest.detail = widest.subject = ~u64{0};
    widest.noting = widest.recording = 0xffff;
    widest.vmread = widest.vmwrite = widest.round = ~u32{0};
    widest.level_before = widest.level_after = 2;
    widest.vmptrld = widest.vmclear = widest.flushes = 255;
    widest.reason = static_cast<u16>(Reason::machine_check_on_entry);
    for (u8 why = 0; why < vmx::why_count; ++why)
        if (std::string_view{name_of(static_cast<Why>(why))}.size() >
            std::string_view{name_of(static_cast<Why>(widest.why))}.size())
            widest.why = why;
    cpu->trace.ring.fill(widest);
    cpu->trace.turns = ~u64{0};
    machine->event = {.selector = ~u64{0}, .level = perf::CountedLevel::l2};
    const std::string text =
        written([&](Out& out) { write_json(out, *cpu, ~u64{0}, ~u64{0}, Trace::shown); });
    EXPECT_LT(text.size(), ControlCall::answer_capacity - 100);
    EXPECT_TRUE(text.starts_with("{\"tsc\":18446744073709551615,")) << text.substr(0, 60);
    EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(Json, of_a_turn_says_what_the_exit_was_about_and_what_its_record_took) {
    const auto trace = std::make_unique<Trace>();
    Turn& turn = trace->ring[trace->turns++];
    turn.tsc_exit = 100;
    turn.tsc_entry = 190;
    turn.reason = static_cast<u16>(Reason::vmread);
    turn.why = static_cast<u8>(Why::l1_vmx_instruction);
    turn.round = 7;
    turn.noting = 45;
    turn.recording = 61;
    turn.subject = 0x681e;
    const std::string text = written([&](Out& out) { write_turns_json(out, *trace); });
    EXPECT_TRUE(text.starts_with("[{\"turn\":0,\"tsc_exit\":100,\"tsc_entry\":190,")) << text;
    EXPECT_NE(text.find("\"reason\":\"vmread\",\"room\":\"emulate\",\"why\":\"l1_vmx_instruction\""),
              text.npos)
        << text;
    EXPECT_NE(text.find("\"round\":7,\"noting\":45,\"recording\":61,\"subject\":26654}"), text.npos) << text;
}

TEST(Json, has_an_event_where_one_is_counted) {
    const auto machine = std::make_unique<Machine>();
    const auto cpu = std::make_unique<Cpu>();
    cpu->machine = machine.get();
    const auto json = [&] {
        return written([&](Out& out) { write_json(out, *cpu, 0, 1234, Trace::shown); });
    };
    EXPECT_EQ(json().find("\"event\""), std::string::npos);
    machine->event = {.selector = 0x0300c0, .level = perf::CountedLevel::l2};
    EXPECT_NE(json().find("\"event\":{\"selector\":196800,\"level\":\"l2\",\"count\":1234}"),
              std::string::npos)
        << json();
}

}  // namespace
}  // namespace kurma::l0
