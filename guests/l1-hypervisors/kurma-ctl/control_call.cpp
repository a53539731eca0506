#include "control_call.hpp"

namespace kurma::ctl {

namespace {

constexpr u64 magic = 0x414d52554b;  // "KURMA", first letter lowest
constexpr u64 no_answer = ~u64{0};
constexpr u32 signature_leaf = 0x40000000;
constexpr u32 letters_kurm = 0x6d72754b, letters_akur = 0x72754b61, letters_maku = 0x754b616d;

enum class Function : u64 { begin_request = 5, add_to_request = 6, perform_request = 7, read_answer = 8 };

char answer_text[256 * 1024];

u64 control_call(Function function, u64 argument = 0) {
    u64 result = magic;
    asm volatile("vmcall" : "+a"(result) : "c"(function), "d"(argument) : "memory", "cc");
    return result;
}

/// Gathers characters, and adds them to the request by eights.
class Adder {
  public:
    void add(char c) {
        bytes_ |= u64{static_cast<u8>(c)} << (8 * count_);
        if (++count_ == 8) flush();
    }
    void flush() {
        if (count_ != 0) control_call(Function::add_to_request, bytes_);
        bytes_ = 0;
        count_ = 0;
    }

  private:
    u64 bytes_ = 0;
    unsigned count_ = 0;
};

std::string_view read_answer(usize length) {
    if (length > sizeof answer_text) length = sizeof answer_text;
    for (usize offset = 0; offset < length; offset += 8) {
        const u64 bytes = control_call(Function::read_answer, offset);
        if (bytes == no_answer) return {answer_text, offset};
        __builtin_memcpy(answer_text + offset, &bytes, sizeof bytes);
    }
    return {answer_text, length};
}

}  // namespace

bool kurma_is_present() {
    u32 eax = signature_leaf, ebx, ecx = 0, edx;
    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx == letters_kurm && ecx == letters_akur && edx == letters_maku;
}

Answer ask(const char* const* words, usize count) {
    control_call(Function::begin_request);
    Adder request;
    for (usize i = 0; i < count; ++i) {
        if (i != 0) request.add(' ');
        for (const char* c = words[i]; *c != 0; ++c) request.add(*c);
    }
    request.flush();
    const u64 result = control_call(Function::perform_request);
    if (result == no_answer) return {Verdict::refused, "this Kurma does not take requests\n"};
    return {static_cast<Verdict>(result >> 32), read_answer(static_cast<u32>(result))};
}

}  // namespace kurma::ctl
