#include "ports.hpp"

#include "../trace/death.hpp"
#include "../trace/panic.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

constexpr u16 keyboard_command = 0x64, reset_control = 0xcf9, bochs_shutdown = 0x8900;
/// QEMU's PM1a control port for machines whose ACPI tables Kurma has not found.
constexpr u16 qemu_pm1a_control = 0x604;
constexpr u8 keyboard_pulse_reset = 0xfe;
constexpr u8 reset_control_reset = 1u << 2;
/// PM1 control: SLP_EN. Which sleep state it is makes no difference here: the machine stops.
constexpr u32 sleep_enable = 1u << 13;
constexpr char shutdown_word[] = "Shutdown";

u32 in(u16 port, unsigned bytes) {
    return bytes == 1 ? hw::inb(port) : bytes == 2 ? hw::inw(port) : hw::inl(port);
}

void out(u16 port, unsigned bytes, u32 value) {
    if (bytes == 1)
        hw::outb(port, static_cast<u8>(value));
    else if (bytes == 2)
        hw::outw(port, static_cast<u16>(value));
    else
        hw::outl(port, value);
}

bool is_pm1a(const Machine& machine, u16 port) {
    return port == machine.pm1a_control_port || port == qemu_pm1a_control;
}

/// Bochs ends when a whole word has been written byte by byte.
bool completes_shutdown_word(Cpu& cpu, u32 value) {
    const bool matches = static_cast<char>(value) == shutdown_word[cpu.shutdown_matched];
    cpu.shutdown_matched = matches ? static_cast<u8>(cpu.shutdown_matched + 1) : u8{0};
    return shutdown_word[cpu.shutdown_matched] == '\0';
}

void write_port(Cpu& cpu, u16 port, unsigned bytes, u32 value) {
    if (port == bochs_shutdown) {
        if (completes_shutdown_word(cpu, value)) end_run(End::power_off);
        return;
    }
    if (is_pm1a(*cpu.machine, port) && (value & sleep_enable) != 0) end_run(End::power_off);
    if ((port == keyboard_command && static_cast<u8>(value) == keyboard_pulse_reset) ||
        (port == reset_control && (value & reset_control_reset) != 0))
        end_run(End::reset);
    out(port, bytes, value);
}

}  // namespace

InstrOutcome answer_port_access(Cpu& cpu, Gprs& gprs, IoQualification io) {
    if (io.string()) l1_died(cpu, "a string instruction on a port that switches the machine off", io.port());
    u64& rax = gprs.value[Gprs::rax];
    const u64 mask = io.bytes() == 4 ? 0xffffffff : (u64{1} << (8 * io.bytes())) - 1;
    if (!io.in()) {
        write_port(cpu, io.port(), io.bytes(), static_cast<u32>(rax & mask));
        return InstrOutcome::succeed();
    }
    const u64 value = in(io.port(), io.bytes());
    // A 32-bit result clears the register's upper half; shorter ones leave the rest.
    rax = io.bytes() == 4 ? value : (rax & ~mask) | value;
    return InstrOutcome::succeed();
}

InstrOutcome answer_port(Cpu& cpu, L1World& world) {
    Gprs& gprs = world.gprs();
    return answer_port_access(cpu, gprs, {read(world.vmcs01(), field::exit_qualification)});
}

void intercept_power_ports(const Machine& machine) {
    const auto set = [&](u16 port) {
        constexpr u16 ports_per_page = 0x8000;
        u8* const bits = mm::at<u8>(port < ports_per_page ? machine.io_bitmap01_a : machine.io_bitmap01_b);
        const u16 index = port % ports_per_page;
        bits[index / 8] = static_cast<u8>(bits[index / 8] | (1u << (index % 8)));
    };
    for (const u16 port : {keyboard_command, reset_control, bochs_shutdown, qemu_pm1a_control}) set(port);
    if (machine.pm1a_control_port != 0) set(machine.pm1a_control_port);
}

}  // namespace kurma::l0
