#include "ept_events.hpp"

namespace kurma::l0 {

using namespace vmx;

namespace {

constexpr u16 log_entries = 512;

/// The virtualization-exception information area (SDM 3C 26.5.7.2, table 26-1).
struct VeInformation {
    u32 exit_reason;
    u32 busy;
    u64 qualification;
    u64 linear_address;
    u64 physical_address;
    u16 eptp_index;
};
constexpr u32 all_ones = ~u32{0};

}  // namespace

bool modification_log_full(const VmcsSlot& slot) { return slot.vmcs12.get(field::pml_index) >= log_entries; }

void log_modification(const Cpu& cpu, VmcsSlot& slot, ept::L2Gpa page) {
    Vmcs12& v = slot.vmcs12;
    const u16 index = v.get(field::pml_index);
    const auto entry = cpu.machine->partition.translate_for_write(
        ept::L1Gpa{v.get(field::pml_address) + index * sizeof(u64)});
    if (entry) *mm::at<volatile u64>(*entry) = page.aligned(ept::PageSize::k4).value();
    v.set(field::pml_index, static_cast<u16>(index - 1));
}

bool describe_virtualization_exception(Cpu& cpu, const VmcsSlot& slot, bool suppressed,
                                       EptViolationQualification seen) {
    const Vmcs12& v = slot.vmcs12;
    if (suppressed || !v.secondary().has(Secondary::ept_violation_ve)) return false;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    const bool protected_mode = (read(vmcs02, field::guest_cr0) & x86::cr0::pe) != 0;
    if (!protected_mode || read(vmcs02, field::idt_vectoring_info).valid()) return false;
    // An area that lies nowhere reads as ones, and so as busy.
    const auto area =
        cpu.machine->partition.translate_for_write(ept::L1Gpa{v.get(field::ve_information_address)});
    if (!area) return false;
    volatile VeInformation& information = *mm::at<volatile VeInformation>(*area);
    if (information.busy != 0) return false;
    information.exit_reason = static_cast<u32>(Reason::ept_violation);
    information.busy = all_ones;
    information.qualification = seen.raw;
    information.linear_address = read(vmcs02, field::guest_linear_address);
    information.physical_address = read(vmcs02, field::guest_physical_address);
    information.eptp_index = v.get(field::eptp_index);
    return true;
}

}  // namespace kurma::l0
