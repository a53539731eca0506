// RDMSR and WRMSR, by bitmap or unconditionally (SDM 3C 26.1.3, 25.6.9).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/exits/exits.hpp"

namespace conformance::exits {

extern "C" const Form forms_read_msr[], forms_rewrite_msr[], forms_write_msr[];

namespace {

struct Msr {
    u32 number;
    bool steady = true;  // reads the same in every run
};

// What the VMX capability MSRs read as is topic "capabilities"; here they are read for the way there. No
// performance counters: Bochs 2.7 ends itself when their event selectors are read.
constexpr Msr msrs[] = {
    {0x10, false},  // time stamp
    {0x1B},         // APIC base
    {0x3A},         // feature control
    {0x8B},         // microcode
    {0xFE},         {0x174},        {0x175},        {0x176},        {0x179},        {0x1A0},
    {0x1D9},                                  // MTRR capability, SYSENTER, MCA, misc, debug
    {0x200},        {0x277},        {0x2FF},  // MTRR, PAT
    {0x480, false}, {0x481, false}, {0x482, false}, {0x483, false}, {0x484, false}, {0x485, false},
    {0x486, false}, {0x487, false}, {0x488, false}, {0x489, false}, {0x48A, false}, {0x48B, false},
    {0x48C, false}, {0x48D, false}, {0x48E, false}, {0x48F, false}, {0x490, false}, {0x491, false},
    {0x492, false},                                                // VMX capabilities, and one behind them
    {0x6E0},                                                       // TSC deadline
    {0x802},        {0xDA0},                                       // x2APIC identity, XSS
    {0x1FFF},       {0x2000},       {0x40000000},   {0xBFFFFFFF},  // the ends of the low bitmap, and between
    {0xC0000080},   {0xC0000081},   {0xC0000082},   {0xC0000083},   {0xC0000084},   {0xC0000100},
    {0xC0000101},   {0xC0000102},   {0xC0000103},   {0xC0001FFF},   {0xC0002000},   {0xFFFFFFFF},
};

constexpr u64 map_bytes = 1024;
constexpr u32 high_msrs = 0xC0000000, msrs_in_map = 0x2000;

// One bit of the bitmap's four maps: reads low, reads high, writes low, writes high.
void set_bit(u32 number, bool write) {
    const u32 index = number & (msrs_in_map - 1);
    const u64 map = (number >= high_msrs ? 1u : 0u) + (write ? 2u : 0u);
    u8* const bitmap = at_address<u8>(vmread(field::msr_bitmap));
    bitmap[map * map_bytes + index / 8] |= static_cast<u8>(1 << index % 8);
}

enum class Way { no_bitmap, clear, read_set, write_set };
constexpr Way ways[] = {Way::no_bitmap, Way::clear, Way::read_set, Way::write_set};
const char* name_of(Way way) {
    switch (way) {
        case Way::no_bitmap: return "no-bitmap";
        case Way::clear: return "clear";
        case Way::read_set: return "read-set";
        case Way::write_set: return "write-set";
    }
    return "";
}

Vcpu& prepare(const Form& form, u32 number, Way way) {
    Vcpu& vcpu = fresh(form.code);
    if (way == Way::no_bitmap)
        vmwrite(field::primary_controls, vmread(field::primary_controls) & ~u64{primary::msr_bitmaps});
    if (way == Way::read_set) set_bit(number, false);
    if (way == Way::write_set) set_bit(number, true);
    vcpu.registers.rcx = number;
    vcpu.registers.rax = 0x1111;
    vcpu.registers.rdx = 0x2222;
    return vcpu;
}

void access(const Form& form, const Msr& msr, Way way) {
    Vcpu& vcpu = prepare(form, msr.number, way);
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited() && msr.steady)
        text.append(" rax=", hex(vcpu.registers.rax), " rdx=", hex(vcpu.registers.rdx));
    print_case(topic, Text("msr/", form.name, "/", hex(msr.number), "/", name_of(way)), text);
}

void access_at_user_level(const Form& form, const Msr& msr) {
    Vcpu& vcpu = prepare(form, msr.number, Way::no_bitmap);
    run_at_user_level();
    print_entry(topic, Text("msr/", form.name, "/", hex(msr.number), "/user"), vcpu);
}

// Values that a processor refuses or changes. Each is L2's own mistake where no level intercepts the write;
// what is accepted and not switched by an exit is put back.
struct Write {
    u32 number;
    u64 value;
};

constexpr u64 not_canonical = u64{1} << 63;
constexpr Write writes[] = {
    {msr_sysenter_cs, 0x123456789},
    {msr_sysenter_esp, 0x1234},
    {msr_sysenter_esp, not_canonical},
    {msr_sysenter_eip, not_canonical},
    {0x277, 0x0007040600070406},
    {0x277, 0x02},
    {0x277, 0x08},
    {0x1D9, 0},
    {0x1D9, 1},
    {0x1D9, 2},
    {0x1D9, 3},
    {0x3A, 0},
    {0x480, 0},
    {0x491, 0},
    {msr_efer, 0},
    {msr_efer, 0x500},
    {msr_efer, 0x501},
    {msr_efer, 0xD01},
    {msr_efer, 0xD02},
    {msr_efer, bit(32)},
    {msr_fs_base, 0x1234},
    {msr_fs_base, not_canonical},
    {msr_gs_base, not_canonical},
    {msr_kernel_gs_base, 0x5678},
    {msr_kernel_gs_base, not_canonical},
    {msr_star, 0x0011223344556677},
    {0xC0000082, not_canonical},
    {0xC0000084, 0x4700},
    {0x10, 0x1000},
    {0x2000, 0},
    {0xC0000103, 7},
    {0xDA0, 0x100},
    {0xDA0, 1},
};

// The guest's value after the exit: from the VMCS where an exit saves it, else from the processor.
u64 value_afterwards(u32 number) {
    switch (number) {
        case msr_sysenter_cs: return vmread(field::guest_sysenter_cs);
        case msr_sysenter_esp: return vmread(field::guest_sysenter_esp);
        case msr_sysenter_eip: return vmread(field::guest_sysenter_eip);
        case msr_fs_base: return vmread(field::guest_fs_base);
        case msr_gs_base: return vmread(field::guest_gs_base);
        default: break;
    }
    u64 value = 0;
    const Fault fault = guarded([&] { value = rdmsr(number); });
    return fault.happened ? ~u64{0} : value;
}

void write(const Write& w) {
    constexpr u32 time_stamp = 0x10;
    u64 old = 0;
    const bool readable = !guarded([&] { old = rdmsr(w.number); }).happened;
    Vcpu& vcpu = prepare(forms_write_msr[0], w.number, Way::clear);
    vcpu.registers.rax = w.value & 0xFFFFFFFF;
    vcpu.registers.rdx = w.value >> 32;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited() && w.number != time_stamp) text.append(" now=", hex(value_afterwards(w.number)));
    if (readable) static_cast<void>(guarded([&] { wrmsr(w.number, old); }));
    print_case(topic, Text("msr/write/", hex(w.number), "/value-", hex(w.value)), text);
}

}  // namespace

void sweep_msrs() {
    for (const Form* form : {&forms_read_msr[0], &forms_rewrite_msr[0]})
        for (const Msr& msr : msrs) {
            for (const Way way : ways) access(*form, msr, way);
            access_at_user_level(*form, msr);
        }
    for (const Write& w : writes) write(w);
}

}  // namespace conformance::exits
