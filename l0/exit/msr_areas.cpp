#include "msr_areas.hpp"

#include <vmx/msr_area.hpp>
#include <x86/msr.hpp>

#include "../cpu/vmcs.hpp"
#include "../hw/cpu.hpp"
#include "../trace/log.hpp"
#include "vmx_msrs.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::L1Gpa;

namespace {

/// What a processor does with an area beyond the recommended length is undefined; Kurma fails there, so that
/// no L1 can keep L0 busy for billions of entries (SDM 3D A.6).
bool too_long(const Cpu& cpu, u32 index) { return index >= cpu.machine->offered.max_msr_area_entries(); }

/// The field that holds an MSR's guest value while L0 runs. None: the MSR is in the processor.
constexpr std::optional<FieldId> field_of(u32 msr) {
    switch (msr) {
        case x86::msr::efer: return FieldId::guest_efer;
        case x86::msr::pat: return FieldId::guest_pat;
        case x86::msr::debugctl: return FieldId::guest_debugctl;
        case x86::msr::sysenter_cs: return FieldId::guest_sysenter_cs;
        case x86::msr::sysenter_esp: return FieldId::guest_sysenter_esp;
        case x86::msr::sysenter_eip: return FieldId::guest_sysenter_eip;
        case x86::msr::fs_base: return FieldId::guest_fs_base;
        case x86::msr::gs_base: return FieldId::guest_gs_base;
        default: return std::nullopt;
    }
}

template <class V>
bool write_msr(const V& vmcs, u32 msr, u64 value) {
    const std::optional<FieldId> id = field_of(msr);
    if (!id) return hw::wrmsr_safe(msr, value);
    vmcs.write_raw(*id, value & value_mask(row_of(*id).encoding));
    return true;
}

template <class V>
bool read_msr(const V& vmcs, u32 msr, u64& value) {
    const std::optional<FieldId> id = field_of(msr);
    if (!id) return hw::rdmsr_safe(msr, value);
    value = vmcs.read_raw(*id);
    return true;
}

/// One entry, read once; nothing where L1 has no memory, or beyond the length that the processor promises.
std::optional<MsrAreaEntry> entry_at(const Cpu& cpu, u64 address, u32 index) {
    if (too_long(cpu, index)) return std::nullopt;
    const auto host = cpu.machine->partition.translate(L1Gpa{address + u64{index} * sizeof(MsrAreaEntry)});
    if (!host) return std::nullopt;
    const volatile u64* const words = mm::at<volatile u64>(*host);
    const u64 header = words[0];
    return MsrAreaEntry{static_cast<u32>(header), static_cast<u32>(header >> 32), words[1]};
}

/// EFER as WRMSR would leave it: LMA is the processor's own (SDM 4, IA32_EFER).
u64 value_to_write(const MsrAreaEntry& entry, u64 efer) {
    if (entry.index != x86::msr::efer) return entry.data;
    return (entry.data & ~x86::efer::lma) | (efer & x86::efer::lma);
}

bool broken(u32 index, CheckId rule) {
    log::line("entry ", index + 1, " of an MSR area: ", name_of(rule), " (", rule_of(rule), ")");
    return false;
}

}  // namespace

u32 first_unreachable_entry(const Cpu& cpu, L1Gpa area, u32 count) {
    const auto first = cpu.machine->partition.translate(area);
    if (!first) return 1;
    const u32 reasonable = std::min(count, cpu.machine->offered.max_msr_area_entries());
    for (u32 i = 1; i < reasonable; ++i) {
        const u64 offset = u64{i} * sizeof(MsrAreaEntry);
        if (cpu.machine->partition.translate(area + offset) != std::optional{*first + offset}) return i + 1;
    }
    return reasonable < count ? reasonable + 1 : 0;
}

bool load_exit_msrs(Cpu& cpu, const VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const u32 count = v.get(field::exit_msr_load_count);
    if (count == 0) return true;
    const auto vmcs01 = make_vmcs01_current(cpu);
    for (u32 i = 0; i < count; ++i) {
        const auto entry = entry_at(cpu, v.get(field::exit_msr_load_address), i);
        if (!entry) return broken(i, CheckId::msr_load_faults);
        const u64 efer = read(vmcs01, field::guest_efer);
        const bool paging = (read(vmcs01, field::guest_cr0) & x86::cr0::pg) != 0;
        const CheckResult check = check_msr_load(*entry, {.efer = efer, .paging = paging});
        if (!check.passed()) return broken(i, check.failed);
        if (is_vmx_msr(entry->index) || is_hidden_msr(cpu, entry->index) ||
            !write_msr(vmcs01, entry->index, value_to_write(*entry, efer)))
            return broken(i, CheckId::msr_load_faults);
    }
    return true;
}

bool store_exit_msrs(Cpu& cpu, const VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const u32 count = v.get(field::exit_msr_store_count);
    if (count == 0) return true;
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    const u64 area = v.get(field::exit_msr_store_address);
    for (u32 i = 0; i < count; ++i) {
        auto entry = entry_at(cpu, area, i);
        if (!entry) return broken(i, CheckId::msr_store_faults);
        if (const CheckResult check = check_msr_store(*entry); !check.passed())
            return broken(i, check.failed);
        const bool read_it = is_vmx_msr(entry->index) ? vmx_msr_value(cpu, entry->index, entry->data)
                             : is_hidden_msr(cpu, entry->index) ? false
                                                                : read_msr(vmcs02, entry->index, entry->data);
        if (!read_it) return broken(i, CheckId::msr_store_faults);
        const auto host =
            cpu.machine->partition.translate_for_write(L1Gpa{area + u64{i} * sizeof(MsrAreaEntry)});
        mm::at<MsrAreaEntry>(*host)->data = entry->data;
    }
    return true;
}

}  // namespace kurma::l0
