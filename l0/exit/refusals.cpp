#include "refusals.hpp"

#include <vmx/msr_area.hpp>

#include "../cpu/vmcs.hpp"
#include "../hw/cpu.hpp"
#include "../trace/log.hpp"
#include "slots.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::L1Gpa;

namespace {

constexpr const char* failed_entry = "VM entry of L1 failed: ";

void log_unnamed(const char* what) {
    log::line(failed_entry, "the processor refused ", what,
              " by a check of its own that is not in the manual");
}

/// The virtual TPR, at offset 80H of L1's virtual-APIC page (SDM 3C 30.1).
u8 virtual_tpr(const Cpu& cpu, const Vmcs12& v) {
    constexpr u64 tpr = 0x80;
    const auto host = cpu.machine->partition.translate(L1Gpa{v.get(field::virtual_apic_address) + tpr});
    return host ? *mm::at<volatile u8>(*host) : u8{0xff};
}

GuestSurroundings surroundings_of(const Cpu& cpu, const Vmcs12& v) {
    GuestSurroundings around{};
    around.word_at_link_pointer = first_word_at(cpu, v.get(field::vmcs_link_pointer));
    const u64* const pdptes = mm::at<u64>(cpu.machine->place(v.get(field::guest_cr3) & 0xffffffe0));
    for (usize i = 0; i < around.pdptes_at_cr3.size(); ++i) around.pdptes_at_cr3[i] = pdptes[i];
    constexpr u32 extended_features = 7, sgx = 1u << 2, rtm = 1u << 11;
    if (hw::cpuid(0).eax >= extended_features) {
        const u64 ebx = hw::cpuid(extended_features).ebx;
        around.rtm = (ebx & rtm) != 0;
        around.sgx = (ebx & sgx) != 0;
    }
    return around;
}

void name_refused_guest_state(Cpu& cpu, VmcsSlot& slot) {
    guest_state_to_image(cpu, slot);
    const GuestCheckResult failure = check_guest_state_of(cpu, slot);
    if (failure.passed()) return log_unnamed("guest state");
    log_failed_check(failed_entry, failure);
}

void name_refused_msr(Cpu& cpu, VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    const u64 number = read(vmcs02, field::exit_qualification);
    const u64 at = v.get(field::entry_msr_load_address) + (number - 1) * sizeof(MsrAreaEntry);
    const auto host = cpu.machine->partition.translate(L1Gpa{at});
    MsrAreaEntry entry{~u32{0}, ~u32{0}, ~u64{0}};
    if (host) __builtin_memcpy(&entry, mm::at<void>(*host), sizeof entry);
    const CheckResult failure = check_msr_load(entry, {});
    const CheckId id = failure.passed() ? CheckId::msr_load_faults : failure.failed;
    log::line(failed_entry, name_of(id), ", entry ", number, " of the MSR-load area, MSR ",
              log::Hex{entry.index}, " value ", log::Hex{entry.data}, " (", rule_of(id), ")");
}

}  // namespace

CheckResult check_remaining_controls(const Cpu& cpu, const Vmcs12& v) {
    for (const CheckResult& result : {check_tpr_threshold(v, virtual_tpr(cpu, v)),
                                      check_event(v, cpu.machine->offered), check_entry_to_smm(v)})
        if (!result.passed()) return result;
    return {};
}

GuestCheckResult check_guest_state_of(const Cpu& cpu, const VmcsSlot& slot) {
    return check_guest_state(slot.vmcs12, cpu.machine->offered, surroundings_of(cpu, slot.vmcs12));
}

void log_failed_check(const char* verdict, const CheckResult& failure) {
    log::line(verdict, name_of(failure.failed), ", value ", log::Hex{failure.value}, " (",
              rule_of(failure.failed), ")");
}

void log_failed_check(const char* verdict, const GuestCheckResult& failure) {
    log::line(verdict, name_of(failure.failed), ", ", row_of(failure.field).name, " ",
              log::Hex{failure.value}, " (", rule_of(failure.failed), ")");
}

std::optional<u32> first_word_at(const Cpu& cpu, u64 region) {
    const auto host = cpu.machine->partition.translate(L1Gpa{region});
    return host ? std::optional<u32>{*mm::at<volatile u32>(*host)} : std::nullopt;
}

InstrOutcome refused_by_checks(Cpu& cpu, VmcsSlot& slot, const CheckResult& failure,
                               VmInstructionError error) {
    if (error == VmInstructionError::entry_invalid_host_state) {
        const auto vmcs02 = make_vmcs02_current(cpu, slot);
        slot.vmcs12.set(field::guest_cr0, read(vmcs02, field::guest_cr0));
        make_vmcs01_current(cpu);
        for (const CheckResult& control : {check_controls(slot.vmcs12, cpu.machine->offered),
                                           check_remaining_controls(cpu, slot.vmcs12)}) {
            if (control.passed()) continue;
            log_failed_check(failed_entry, control);
            return InstrOutcome::fail_valid(VmInstructionError::entry_invalid_control);
        }
    }
    log_failed_check(failed_entry, failure);
    return InstrOutcome::fail_valid(error);
}

void name_refused_controls(Cpu& cpu, VmcsSlot& slot) {
    guest_state_to_image(cpu, slot);
    for (const CheckResult& failure :
         {check_controls(slot.vmcs12, cpu.machine->offered), check_remaining_controls(cpu, slot.vmcs12)})
        if (!failure.passed()) return log_failed_check(failed_entry, failure);
    log_unnamed("controls");
}

void name_failed_entry(Cpu& cpu, VmcsSlot& slot, Reason reason) {
    if (reason == Reason::invalid_guest_state) name_refused_guest_state(cpu, slot);
    if (reason == Reason::msr_loading) name_refused_msr(cpu, slot);
}

}  // namespace kurma::l0
