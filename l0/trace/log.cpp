#include "log.hpp"

#include "../hw/cpu.hpp"

namespace kurma::l0::log {

namespace {
constexpr u16 debug_console_port = 0xe9;
}

void put(char c) { hw::outb(debug_console_port, static_cast<u8>(c)); }

}  // namespace kurma::l0::log
