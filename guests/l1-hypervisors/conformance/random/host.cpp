#include "random/host.hpp"

#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"

namespace conformance::random {
namespace {

constexpr u64 present_writable = bit(0) | bit(1), accessed_dirty = bit(5) | bit(6), large = bit(7),
              cache_disabled = bit(4);
constexpr u64 entries = 512, directories = 4, upper_half_entry = 511;
constexpr u64 first_device_address = 0xC0000000;
constexpr u64 dr6_reset = 0xFFFF0FF0, dr7_reset = 0x400;

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

alignas(page_size) u64 roots[2][entries];
alignas(page_size) u64 pdpt[entries];
alignas(page_size) u64 directory[directories * entries];

#define RANDOM_READ_SEGMENT(name)                             \
    u64 read_##name() {                                       \
        u64 selector;                                         \
        asm volatile("mov %%" #name ", %0" : "=r"(selector)); \
        return selector & 0xFFFF;                             \
    }
RANDOM_READ_SEGMENT(cs)
RANDOM_READ_SEGMENT(ss)
RANDOM_READ_SEGMENT(ds)
RANDOM_READ_SEGMENT(es)
RANDOM_READ_SEGMENT(fs)
RANDOM_READ_SEGMENT(gs)

u64 read_dr6() {
    u64 value;
    asm volatile("mov %%dr6, %0" : "=r"(value));
    return value;
}

void put_back_segments(const HostState& found, const HostState& usual) {
    const TablePointer gdt = {static_cast<u16>(usual.gdtr_limit), usual.gdtr_base};
    const TablePointer idt = {static_cast<u16>(usual.idtr_limit), usual.idtr_base};
    asm volatile("lgdt %0\n lidt %1" : : "m"(gdt), "m"(idt) : "memory");
    random_reload_code_and_stack();
    if (found.ds != usual.ds) asm volatile("mov %0, %%ds" : : "r"(usual.ds) : "memory");
    if (found.es != usual.es) asm volatile("mov %0, %%es" : : "r"(usual.es) : "memory");
    if (found.fs != usual.fs) asm volatile("mov %0, %%fs" : : "r"(usual.fs) : "memory");
    if (found.gs != usual.gs) asm volatile("mov %0, %%gs" : : "r"(usual.gs) : "memory");
}

}  // namespace

void build_host_tables() {
    for (u64 i = 0; i < directories; ++i) pdpt[i] = address_of(&directory[i * entries]) | present_writable;
    for (u64 i = 0; i < directories * entries; ++i) {
        const u64 page = i * large_page_size;
        directory[i] = page | present_writable | accessed_dirty | large |
                       (page >= first_device_address ? cache_disabled : 0);
    }
    for (auto& root : roots) root[0] = root[upper_half_entry] = address_of(pdpt) | present_writable;
    write_cr3(host_root(0));
}

u64 host_root(u64 number) { return address_of(roots[number]); }

HostState found_state() {
    TablePointer gdt, idt;
    asm volatile("sgdt %0\n sidt %1" : "=m"(gdt), "=m"(idt));
    u64 tr, ldtr;
    asm volatile("str %0\n sldt %1" : "=r"(tr), "=r"(ldtr));
    return {.cr0 = read_cr0(),
            .cr2 = read_cr2(),
            .cr3 = read_cr3(),
            .cr4 = read_cr4(),
            .dr6 = read_dr6(),
            .dr7 = read_dr7(),
            .cs = read_cs(),
            .ss = read_ss(),
            .ds = read_ds(),
            .es = read_es(),
            .fs = read_fs(),
            .gs = read_gs(),
            .tr = tr & 0xFFFF,
            .ldtr = ldtr & 0xFFFF,
            .gdtr_base = gdt.base,
            .gdtr_limit = gdt.limit,
            .idtr_base = idt.base,
            .idtr_limit = idt.limit,
            .fs_base = rdmsr(msr_fs_base),
            .gs_base = rdmsr(msr_gs_base),
            .efer = rdmsr(msr_efer),
            .pat = rdmsr(msr_pat),
            .sysenter_cs = rdmsr(msr_sysenter_cs),
            .sysenter_esp = rdmsr(msr_sysenter_esp),
            .sysenter_eip = rdmsr(msr_sysenter_eip),
            .debugctl = rdmsr(msr_debugctl),
            .kernel_gs_base = rdmsr(msr_kernel_gs_base),
            .star = rdmsr(msr_star),
            .lstar = rdmsr(msr_lstar),
            .cstar = rdmsr(msr_cstar),
            .sfmask = rdmsr(msr_sfmask)};
}

void put_back(const HostState& found, const HostState& usual) {
    if (found.cr4 != usual.cr4) write_cr4(usual.cr4);
    if (found.cr3 != usual.cr3) write_cr3(usual.cr3);
    if (found.cr0 != usual.cr0) write_cr0(usual.cr0);
    put_back_segments(found, usual);
    const struct {
        u32 msr;
        u64 found, usual;
    } msrs[] = {
        {msr_fs_base, found.fs_base, usual.fs_base},
        {msr_gs_base, found.gs_base, usual.gs_base},
        {msr_efer, found.efer, usual.efer},
        {msr_pat, found.pat, usual.pat},
        {msr_sysenter_cs, found.sysenter_cs, usual.sysenter_cs},
        {msr_sysenter_esp, found.sysenter_esp, usual.sysenter_esp},
        {msr_sysenter_eip, found.sysenter_eip, usual.sysenter_eip},
        {msr_debugctl, found.debugctl, usual.debugctl},
        {msr_kernel_gs_base, found.kernel_gs_base, usual.kernel_gs_base},
        {msr_star, found.star, usual.star},
        {msr_lstar, found.lstar, usual.lstar},
        {msr_cstar, found.cstar, usual.cstar},
        {msr_sfmask, found.sfmask, usual.sfmask},
    };
    // Loading FS and GS has cleared their bases, so these two are written in any case.
    for (const auto& row : msrs)
        if (row.found != row.usual || row.msr == msr_fs_base || row.msr == msr_gs_base)
            wrmsr(row.msr, row.usual);
    if (found.cr2 != usual.cr2) write_cr2(usual.cr2);
    if (found.dr6 != dr6_reset) asm volatile("mov %0, %%dr6" : : "r"(dr6_reset));
    if (found.dr7 != dr7_reset) asm volatile("mov %0, %%dr7" : : "r"(dr7_reset));
}

}  // namespace conformance::random
