#include "cpu/power.hpp"

#include "console/console.hpp"
#include "cpu/instructions.hpp"

namespace kit {
namespace {

constexpr u16 bochs_shutdown_port = 0x8900;
constexpr u16 acpi_pm1a_piix4 = 0xB004;
constexpr u16 acpi_pm1a_qemu = 0x604;
constexpr u16 acpi_sleep_enable_s5 = 0x2000;

}  // namespace

void power_off() {
    disable_interrupts();
    finish_console();
    for (const char* letter = "Shutdown"; *letter != 0; ++letter) {
        out8(bochs_shutdown_port, static_cast<u8>(*letter));
    }
    out16(acpi_pm1a_piix4, acpi_sleep_enable_s5);
    out16(acpi_pm1a_qemu, acpi_sleep_enable_s5);
    while (true) halt();
}

void give_up(const char* why) {
    print(program_name, ": gave up: ", why, "\n");
    power_off();
}

}  // namespace kit
