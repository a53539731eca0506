#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "exit/control_call.hpp"

namespace kurma::l0 {
namespace {

std::string_view request_of(const ControlCall& control) {
    return {control.request.data(), control.request_length};
}

/// Answers lie in memory of their very length, so that AddressSanitizer sees a byte read beyond it.
struct Answered {
    explicit Answered(std::string_view text) : memory{std::make_unique<char[]>(text.size())} {
        text.copy(memory.get(), text.size());
        control.answer = memory.get();
        control.answer_length = text.size();
    }
    std::unique_ptr<char[]> memory;
    ControlCall control{};
};

TEST(ControlRequest, grows_by_eight_bytes_up_to_a_byte_0) {
    ControlCall control{};
    control.add(0x2020'6172'7465'7365);
    EXPECT_EQ(request_of(control), "esetra  ");
    control.add(0x7a'00'79);
    EXPECT_EQ(request_of(control), "esetra  y");
    control.add(0);
    EXPECT_EQ(request_of(control), "esetra  y");
    control.begin();
    EXPECT_EQ(request_of(control), "");
}

TEST(ControlRequest, takes_what_no_terminal_prints_for_a_question_mark) {
    ControlCall control{};
    control.add(0xff'80'7f'1b'0a'7e'20'41);
    EXPECT_EQ(request_of(control), "A ~?????");
}

TEST(ControlRequest, is_too_long_from_the_first_byte_on_that_does_not_fit) {
    ControlCall control{};
    for (usize i = 0; i < control.request.size(); ++i) control.add('x');
    EXPECT_FALSE(control.request_too_long);
    EXPECT_EQ(control.request_length, control.request.size());
    control.add('x');
    EXPECT_TRUE(control.request_too_long);
    for (int i = 0; i < 1000; ++i) control.add(~u64{0});
    EXPECT_EQ(control.request_length, control.request.size());
    control.begin();
    EXPECT_FALSE(control.request_too_long);
}

TEST(ControlAnswer, is_read_from_any_offset_to_its_end_and_not_beyond) {
    const Answered answered{"0123456789"};
    EXPECT_EQ(answered.control.read(0), 0x3736'3534'3332'3130u);
    EXPECT_EQ(answered.control.read(1), 0x3837'3635'3433'3231u);
    EXPECT_EQ(answered.control.read(8), 0x3938u);
    EXPECT_EQ(answered.control.read(9), 0x39u);
    for (const u64 offset : {u64{10}, u64{11}, u64{1} << 32, u64{1} << 63, ~u64{0} - 7, ~u64{0}})
        EXPECT_EQ(answered.control.read(offset), no_control_answer) << offset;
}

TEST(ControlAnswer, is_not_there_before_the_first_request) {
    const ControlCall control{};
    EXPECT_EQ(control.read(0), no_control_answer);
    EXPECT_EQ(control.read(~u64{0}), no_control_answer);
}

}  // namespace
}  // namespace kurma::l0
