// How micro ends: it switches the machine off, or says why it cannot go on and then does.
#pragma once

namespace micro {

[[noreturn]] void power_off();
[[noreturn]] void give_up(const char* why);

}  // namespace micro
