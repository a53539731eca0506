#include "ports.hpp"

#include <sys/io.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace kurma::keeper {
namespace {

constexpr unsigned short debug_port = 0xE9;
constexpr unsigned short bochs_shutdown_port = 0x8900;
constexpr int every_port = 3;  // the I/O privilege level of user code

void out(unsigned short port, std::string_view bytes) {
    for (const char byte : bytes) outb(static_cast<unsigned char>(byte), port);
}

}  // namespace

void open_ports() {
    if (iopl(every_port) != 0) throw std::system_error(errno, std::generic_category(), "iopl");
}

void write_debug_port(std::string_view bytes) { out(debug_port, bytes); }

void say(std::string_view text) { write_debug_port("kvm: " + std::string(text) + "\n"); }

void switch_off() { out(bochs_shutdown_port, "Shutdown"); }

}  // namespace kurma::keeper
