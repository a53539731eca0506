// Kurma's control call from user mode: a request in words, its verdict and its answer
// (l0/exit/control_call.hpp).
#pragma once

#include <ept/integer.hpp>
#include <string_view>

namespace kurma::ctl {

/// Whether CPUID says that Kurma is below. Where it is not, VMCALL is an invalid opcode or somebody else's.
bool kurma_is_present();

enum class Verdict : u8 { done = 0, refused = 1, cut = 2 };

struct Answer {
    Verdict verdict;
    std::string_view text;
};

/// Has the words performed, with blanks between them. The text stays until the next request.
Answer ask(const char* const* words, usize count);

}  // namespace kurma::ctl
