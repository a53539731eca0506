// How a program ends: it switches the machine off, or says why it cannot go on and then does.
#pragma once

namespace kit {

[[noreturn]] void power_off();
[[noreturn]] void give_up(const char* why);

}  // namespace kit
