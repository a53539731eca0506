#include "msr_areas.hpp"

#include <x86/msr.hpp>

#include "../cpu/vmcs.hpp"
#include "../hw/cpu.hpp"
#include "vmx_msrs.hpp"

namespace kurma::l0 {

using namespace vmx;
using ept::L1Gpa;

namespace {

struct MsrEntry {
    u32 index;
    u32 reserved;
    u64 data;
};
static_assert(sizeof(MsrEntry) == 16);

constexpr u32 smbase = 0x9e;
constexpr u32 bios_update_trigger = 0x79;

constexpr bool x2apic(u32 msr) { return msr >= x86::msr::x2apic_first && msr <= x86::msr::x2apic_last; }
bool loadable(const MsrEntry& e) {
    return e.reserved == 0 && e.index != x86::msr::fs_base && e.index != x86::msr::gs_base &&
           e.index != x86::msr::smm_monitor_ctl && e.index != bios_update_trigger && !x2apic(e.index) &&
           !is_vmx_msr(e.index);
}
constexpr bool storable(const MsrEntry& e) {
    return e.reserved == 0 && e.index != smbase && !x2apic(e.index);
}

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

constexpr bool valid_in_vmcs(u32 msr, u64 value) {
    if (msr == x86::msr::efer) return (value & ~x86::efer::defined) == 0;
    if (msr == x86::msr::pat) return x86::valid_pat(value);
    if (msr == x86::msr::sysenter_esp || msr == x86::msr::sysenter_eip) return x86::canonical(value);
    return true;
}

template <class V>
MsrAreaResult load_with(const Cpu& cpu, const V& vmcs, u64 address, u32 count) {
    for (u32 i = 0; i < count; ++i) {
        if (too_long(cpu, i)) return {false, i + 1};
        const auto host = cpu.machine->partition.translate(L1Gpa{address + u64{i} * sizeof(MsrEntry)});
        if (!host) return {false, i + 1};
        MsrEntry entry;
        __builtin_memcpy(&entry, mm::at<void>(*host), sizeof(entry));
        if (!loadable(entry) || !valid_in_vmcs(entry.index, entry.data)) return {false, i + 1};
        if (!write_msr(vmcs, entry.index, entry.data)) return {false, i + 1};
    }
    return {};
}

}  // namespace

u32 first_unreachable_entry(const Cpu& cpu, L1Gpa area, u32 count) {
    const auto first = cpu.machine->partition.translate(area);
    if (!first) return 1;
    const u32 reasonable = std::min(count, cpu.machine->offered.max_msr_area_entries());
    for (u32 i = 1; i < reasonable; ++i) {
        const u64 offset = u64{i} * sizeof(MsrEntry);
        if (cpu.machine->partition.translate(area + offset) != std::optional{*first + offset}) return i + 1;
    }
    return reasonable < count ? reasonable + 1 : 0;
}

MsrAreaResult load_exit_msrs(Cpu& cpu, const VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const u32 count = v.get(field::exit_msr_load_count);
    if (count == 0) return {};
    return load_with(cpu, make_vmcs01_current(cpu), v.get(field::exit_msr_load_address), count);
}

MsrAreaResult store_exit_msrs(Cpu& cpu, const VmcsSlot& slot) {
    const Vmcs12& v = slot.vmcs12;
    const u32 count = v.get(field::exit_msr_store_count);
    if (count == 0) return {};
    const auto vmcs02 = make_vmcs02_current(cpu, slot);
    for (u32 i = 0; i < count; ++i) {
        if (too_long(cpu, i)) return {false, i + 1};
        const L1Gpa at{v.get(field::exit_msr_store_address) + u64{i} * sizeof(MsrEntry)};
        const auto host = cpu.machine->partition.translate(at);
        if (!host) return {false, i + 1};
        MsrEntry entry;
        __builtin_memcpy(&entry, mm::at<void>(*host), sizeof(entry));
        if (!storable(entry)) return {false, i + 1};
        const bool read_it = is_vmx_msr(entry.index) ? vmx_msr_value(cpu, entry.index, entry.data)
                                                     : read_msr(vmcs02, entry.index, entry.data);
        if (!read_it) return {false, i + 1};
        mm::at<MsrEntry>(*host)->data = entry.data;
    }
    return {};
}

}  // namespace kurma::l0
