#include "control_call.hpp"

namespace kurma::l0 {

void ControlCall::begin() {
    request_length = 0;
    request_too_long = false;
}

void ControlCall::add(u64 bytes) {
    for (; (bytes & 0xff) != 0; bytes >>= 8) {
        const char c = static_cast<char>(bytes & 0xff);
        if (request_length < request.size())
            request[request_length++] = c >= ' ' && c <= '~' ? c : '?';
        else
            request_too_long = true;
    }
}

u64 ControlCall::read(u64 offset) const {
    if (offset >= answer_length) return no_control_answer;
    u64 bytes = 0;
    for (unsigned i = 0; i < 8 && i < answer_length - offset; ++i)
        bytes |= u64{static_cast<u8>(answer[offset + i])} << (8 * i);
    return bytes;
}

}  // namespace kurma::l0
