// Where micro starts once it is in long mode: reads the command line, does what `mode` says, switches the
// machine off.
#include "base/memory.hpp"
#include "boot/command_line.hpp"
#include "boot/info.hpp"
#include "boot/multiboot.hpp"
#include "console/console.hpp"
#include "costs/costs.hpp"
#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "cpu/power.hpp"
#include "cpu/segments.hpp"
#include "cpu/traps.hpp"
#include "kurma/control_call.hpp"
#include "memory/memory.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

const char* const kit::program_name = "micro";

namespace micro {

using namespace kit;
namespace {

constexpr u16 pic_masks[] = {0x21, 0xA1};
constexpr u8 mask_everything = 0xFF;
constexpr u32 cpuid_features = 1, cpuid_ecx_xsave = 1 << 26;
constexpr u8 spurious_interrupt_vector = 0xFF;

void prepare_processor() {
    load_segments();
    load_traps();
    for (const u16 port : pic_masks) out8(port, mask_everything);
    apic::write(apic::spurious_vector, apic::software_enable | spurious_interrupt_vector);
    if ((cpuid(cpuid_features).ecx & cpuid_ecx_xsave) != 0) write_cr4(read_cr4() | cr4_osxsave);
}

u64 number(const CommandLine& command_line, const char* knob) {
    char digits[20] = "";
    u64 value = 0;
    command_line.find(knob, digits, sizeof digits);
    for (const char* digit = digits; *digit >= '0' && *digit <= '9'; ++digit)
        value = value * 10 + static_cast<u64>(*digit - '0');
    return value;
}

void run_rounds_of(const CommandLine& command_line) {
    char operation[40] = "", level[4] = "L2";
    command_line.find("op", operation, sizeof operation);
    command_line.find("level", level, sizeof level);
    if (operation[0] == '\0')
        run_rounds(number(command_line, "n"));
    else
        run_operation(level, operation);
}

void run_mode(const CommandLine& command_line, const multiboot::Information& information) {
    char mode[32] = "costs";
    command_line.find("mode", mode, sizeof mode);
    if (same_text(mode, "info")) {
        print_boot_information(information);
    } else if (same_text(mode, "costs")) {
        if (enter_vmx_operation()) print_costs();
    } else if (same_text(mode, "memory")) {
        if (enter_vmx_operation()) print_memory(command_line, information);
    } else if (same_text(mode, "rounds")) {
        if (enter_vmx_operation()) run_rounds_of(command_line);
    } else if (same_text(mode, "tests-list")) {
        list_tests();
    } else if (same_text(mode, "tests")) {
        if (enter_vmx_operation()) run_all_tests();
    } else if (same_text(mode, "test")) {
        char name[64] = "";
        command_line.find("case", name, sizeof name);
        if (enter_vmx_operation()) run_test(name);
    } else {
        print("micro: unknown mode=", static_cast<const char*>(mode),
              ": costs, memory, rounds, tests, test, tests-list or info\n");
    }
}

}  // namespace

extern "C" [[noreturn]] void l1_main(u64 magic, u64 information_address) {
    open_console();
    prepare_processor();
    if (magic != multiboot::loader_magic) give_up("not started by a Multiboot 1 loader");
    const auto& information = *at_address<const multiboot::Information>(information_address);
    remember_boot_information(information);
    const bool has_text = (information.flags & multiboot::has_command_line) != 0;
    const CommandLine command_line(has_text ? at_address<const char>(information.command_line) : "");
    print("micro: command line: ", command_line.text(), "\n");
    print("micro: Kurma is ", kurma_is_present() ? "present" : "absent", "\n");
    run_mode(command_line, information);
    print("micro: done\n");
    power_off();
}

}  // namespace micro
