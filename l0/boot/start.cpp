// From the boot loader to L1's first instruction.
#include "../cpu/requirements.hpp"
#include "../cpu/vmx_root.hpp"
#include "../exit/knobs.hpp"
#include "../exit/ports.hpp"
#include "../exit/vmx_msrs.hpp"
#include "../hw/cpu.hpp"
#include "../l1vm/first_state.hpp"
#include "../l1vm/payload.hpp"
#include "../perf/counter.hpp"
#include "../trace/refuse.hpp"
#include "../trace/trace.hpp"
#include "acpi.hpp"
#include "multiboot.hpp"
#include "words.hpp"

namespace kurma::l0 {

namespace {

Machine the_machine{};
/// Nothing runs constructors here.
constinit Cpu the_boot_cpu{};
boot::BootInfo boot_info{};

extern "C" [[noreturn]] void enter_first(Gprs*);

/// `knob=value` words of L0's command line. The first word is the image's name where the loader passes it
/// (QEMU does).
void read_knobs(std::string_view text, vmx::Policy& policy, perf::Event& event) {
    for (bool first = true; !text.empty(); first = false) {
        std::string_view value = take_until(text, ' ');
        const usize word_length = value.size();
        const std::string_view knob = take_until(value, '=');
        const bool no_equals = knob.size() == word_length;
        const bool image_name = first && no_equals && knob.starts_with('/');
        if (knob.empty() || image_name) continue;
        if (no_equals) refuse("unknown word on Kurma's command line: ", knob, "; knobs are knob=value");
        if (const char* wrong = nullptr; perf::take_word(event, knob, value, wrong)) {
            if (wrong != nullptr) refuse("bad value for ", knob, ": ", value, "; ", wrong);
            continue;
        }
        switch (vmx::set_knob(policy, knob, value)) {
            case vmx::KnobResult::accepted: break;
            case vmx::KnobResult::unknown_knob:
                refuse("unknown knob: ", knob, "; `./kurma run --help` lists them");
            case vmx::KnobResult::bad_value:
                refuse("bad value for the knob ", knob, ": ", value, "; it takes ",
                       vmx::find_knob(knob)->values);
            case vmx::KnobResult::only_at_boot: break;
        }
    }
}

/// Chooses the memory that L0 keeps, moves there, and takes it out of L1's map.
void take_memory(Machine& machine, boot::BootInfo& info) {
    machine.map = info.map;
    const u64 base = machine.map.find_highest(mm::reserved_bytes, mm::reserved_alignment, mm::four_gib);
    if (base == 0)
        refuse("too little memory: L0 keeps ", mm::reserved_bytes >> 20,
               " MiB in one piece below 4 GiB, and there are ", machine.map.available_bytes() >> 20,
               " MiB in all; give the machine more memory (--memory)");
    for (usize i = 0; i < info.module_count; ++i)
        if (info.modules[i].start.value() + info.modules[i].size > base)
            refuse("too little memory: the payload's modules reach into the ", mm::reserved_bytes >> 20,
                   " MiB that L0 keeps; give the machine more memory (--memory)");
    machine.reserved = {ept::Hpa{base}, mm::reserved_bytes};
    mm::move_to(machine.reserved, machine.map, machine.pages);
    CHECK(machine.map.reserve(base, mm::reserved_bytes));
    info.map = machine.map;
}

void make_shared_pages(Machine& machine) {
    machine.nowhere = mm::must_allocate(machine.pages);
    __builtin_memset(mm::at<void>(machine.nowhere), 0xff, 4096);
    machine.msr_bitmap01 = mm::must_allocate(machine.pages);
    machine.io_bitmap01_a = mm::must_allocate(machine.pages);
    machine.io_bitmap01_b = mm::must_allocate(machine.pages);
    intercept_vmx_msrs(machine.msr_bitmap01);
    perf::intercept_hidden_msrs(machine.event, machine.msr_bitmap01);
    intercept_power_ports(machine);
    const auto take = [](vmx::Intercepts01& intercepts, ept::Hpa page) {
        CHECK(intercepts.take(mm::at<u64>(page), 4096 / sizeof(u64)));
    };
    take(machine.msr_intercepts01, machine.msr_bitmap01);
    take(machine.io_intercepts01_a, machine.io_bitmap01_a);
    take(machine.io_intercepts01_b, machine.io_bitmap01_b);
}

void require_one_processor(u32 processors) {
    if (processors > 1)
        refuse("this machine has ", processors,
               " processors; Kurma runs its L1 on one so far. Give the machine one (--cpus 1)");
}

}  // namespace

Cpu& boot_cpu() { return the_boot_cpu; }
Machine& machine() { return the_machine; }

extern "C" [[noreturn]] void start(u32 magic, u32 multiboot_info) {
    boot::read_multiboot(magic, multiboot_info, boot_info);
    Machine& machine = the_machine;
    read_knobs(boot_info.command_line.view(), machine.policy, machine.event);
    const boot::AcpiFacts acpi = boot::read_acpi();
    machine.pm1a_control_port = acpi.pm1a_control_port;
    require_one_processor(acpi.processors);
    require_processor();
    machine.host = read_capabilities();
    require_features(machine.host);
    perf::require_event(machine);
    if (const char* const reason = impossible_here(machine, machine.policy); reason != nullptr)
        refuse(reason);
    resolve(machine, machine.policy);
    machine.offered = vmx::offer(machine.host, machine.policy);
    machine.offered_ept = machine.offered.ept();

    take_memory(machine, boot_info);
    make_shared_pages(machine);
    l1vm::gather_modules(boot_info, machine.reserved.base.value());
    const l1vm::StartState first = l1vm::load_payload(boot_info);
    machine.partition.init(machine.pages, machine.map, machine.reserved, machine.host.ept());

    Cpu& cpu = the_boot_cpu;
    cpu.machine = &machine;
    cpu.self = &cpu;
    set_trace_level(cpu, machine.policy.trace);
    const std::optional<ept::Hpa> answer = machine.pages.allocate_run(ControlCall::answer_capacity / 4096);
    CHECK(answer.has_value());
    cpu.control.answer = mm::at<char>(*answer);
    cpu.nested.feature_control = hw::rdmsr(x86::msr::feature_control);
    enter_vmx_operation(cpu);
    perf::start_event(cpu);
    l1vm::write_first_state(cpu, first);
    log::line("Kurma at ", log::Hex{machine.reserved.base.value()}, ", ", mm::reserved_bytes >> 20,
              " MiB kept, image ", mm::image_bytes() >> 10, " KiB; L1 has ",
              machine.map.available_bytes() >> 20, " MiB and starts at ", log::Hex{first.rip});
    ++cpu.totals.vmlaunch;
    enter_first(&cpu.gprs);
}

}  // namespace kurma::l0
