// Where conformance starts once it is in long mode: prints what the processor answers, case by case.
#include "base/memory.hpp"
#include "boot/command_line.hpp"
#include "boot/multiboot.hpp"
#include "console/console.hpp"
#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "cpu/power.hpp"
#include "cpu/segments.hpp"
#include "cpu/traps.hpp"
#include "random/random.hpp"
#include "sweeps/sweep.hpp"
#include "vmx/operation.hpp"

const char* const kit::program_name = "conformance";

namespace conformance {

using namespace kit;

namespace {

constexpr u16 pic_masks[] = {0x21, 0xA1};
constexpr u8 mask_everything = 0xFF;
constexpr u8 spurious_interrupt_vector = 0xFF;

void prepare_processor() {
    load_segments();
    load_traps();
    for (const u16 port : pic_masks) out8(port, mask_everything);
    apic::write(apic::spurious_vector, apic::software_enable | spurious_interrupt_vector);
}

void run_mode(const CommandLine& command_line) {
    char mode[32] = "sweep";
    command_line.find("mode", mode, sizeof mode);
    if (same_text(mode, "sweep")) {
        char topic[32] = "";
        command_line.find("topic", topic, sizeof topic);
        run_sweeps(topic);
    } else if (same_text(mode, "topics")) {
        list_topics();
    } else if (same_text(mode, "random")) {
        run_random(command_line);
    } else if (same_text(mode, "random-summary")) {
        run_random_summary(command_line);
    } else {
        print("conformance: unknown mode=", static_cast<const char*>(mode),
              ": sweep, topics, random or random-summary\n");
    }
}

}  // namespace

extern "C" [[noreturn]] void l1_main(u64 magic, u64 information_address) {
    open_console();
    prepare_processor();
    if (magic != multiboot::loader_magic) give_up("not started by a Multiboot 1 loader");
    const auto& information = *at_address<const multiboot::Information>(information_address);
    const bool has_text = (information.flags & multiboot::has_command_line) != 0;
    const CommandLine command_line(has_text ? at_address<const char>(information.command_line) : "");
    prefer_debug_port();
    if (enter_vmx_operation()) run_mode(command_line);
    power_off();
}

}  // namespace conformance
