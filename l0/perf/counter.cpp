#include "counter.hpp"

#include <x86/msr.hpp>

#include "../cpu/vmcs.hpp"
#include "../exit/vmx_msrs.hpp"
#include "../hw/cpu.hpp"
#include "../trace/refuse.hpp"

namespace kurma::l0::perf {

namespace {

/// Two fields that only L0 uses, so that the table of L1's fields (vmx/fields.def) has not got them (SDM 3D
/// B.2.3, B.2.4).
constexpr u64 guest_perf_global_ctrl = 0x2808, host_perf_global_ctrl = 0x2c04;

struct Processor {
    [[nodiscard]] bool wrmsr(u32 msr, u64 value) { return hw::wrmsr_safe(msr, value); }
    u64 rdmsr(u32 msr) { return hw::rdmsr(msr); }
    void execute_instructions() {
        for (unsigned i = 0; i < 1000; ++i) hw::pause();
    }
};

Monitoring monitoring_here() {
    return hw::cpuid(0).eax >= monitoring_leaf ? Monitoring::of(hw::cpuid(monitoring_leaf).eax)
                                               : Monitoring{};
}

void write_field(Cpu& cpu, u64 encoding, u64 value) {
    ++cpu.totals.vmwrite;
    hw::vmwrite(encoding, value);
}

}  // namespace

void require_event(const Machine& machine) {
    if (!machine.event.is_set()) return;
    if (const char* const reason = impossible_here(monitoring_here(), machine.host); reason != nullptr)
        refuse(reason);
}

void start_event(Cpu& cpu) {
    Machine& machine = *cpu.machine;
    if (!machine.event.is_set()) return;
    const GlobalCtrl values = global_ctrl(machine.event.level);
    Processor processor;
    if (!start_counting(processor, machine.event)) {
        machine.event = {};  // The end of the run is not to read a counter that may not be there.
        refuse("event: this processor says that it has performance monitoring (CPUID leaf 0AH), yet its ",
               "counter stands still, as Bochs's does; leave --event away, or count on hardware (--platform "
               "qemu)");
    }
    machine.added02 = {vmx::ExitControls{}.with(vmx::Exit::load_perf_global_ctrl),
                       vmx::EntryControls{}.with(vmx::Entry::load_perf_global_ctrl)};
    const auto vmcs01 = make_vmcs01_current(cpu);
    write(vmcs01, vmx::field::exit_controls,
          read(vmcs01, vmx::field::exit_controls).with(vmx::Exit::load_perf_global_ctrl));
    write(vmcs01, vmx::field::entry_controls,
          read(vmcs01, vmx::field::entry_controls).with(vmx::Entry::load_perf_global_ctrl));
    write_field(cpu, host_perf_global_ctrl, values.l0);
    write_field(cpu, guest_perf_global_ctrl, values.l1);
}

void write_levels_to_vmcs02(Cpu& cpu, const VmcsSlot& slot) {
    const Event& event = cpu.machine->event;
    if (!event.is_set()) return;
    make_vmcs02_current(cpu, slot);
    const GlobalCtrl values = global_ctrl(event.level);
    write_field(cpu, host_perf_global_ctrl, values.l0);
    write_field(cpu, guest_perf_global_ctrl, values.l2);
}

void intercept_hidden_msrs(const Event& event, ept::Hpa bitmap) {
    if (!event.is_set()) return;
    for (const MsrRange& range : hidden_msrs)
        for (u32 msr = range.first; msr <= range.last; ++msr) intercept_msr(bitmap, msr);
}

u64 event_total(const Cpu& cpu) {
    return cpu.machine->event.is_set() ? hw::rdmsr(x86::msr::pmc0) : no_control_answer;
}

}  // namespace kurma::l0::perf
