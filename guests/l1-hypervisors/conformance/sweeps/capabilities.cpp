// What the processor says of itself: capability MSRs, CPUID, and which bits of CR0 and CR4 it holds fixed in
// VMX operation. None of the MSRs can be written.
#include "cpu/instructions.hpp"
#include "sweeps/answer.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {
namespace {

constexpr const char* topic = "capabilities";

constexpr u32 first_msr = vmx_msr::basic, last_msr = vmx_msr::vmfunc;

Text read_msr(u32 number) {
    u64 value = 0;
    const Fault fault = guarded([&] { value = rdmsr(number); });
    return fault.happened ? words(fault) : Text(hex(value));
}

Text write_msr(u32 number, u64 value) {
    return words(guarded([=] { wrmsr(number, value); }));
}

void vmx_msrs() {
    for (u32 number = first_msr; number <= last_msr; ++number) {
        print_case(topic, Text("msr-", hex(number)), read_msr(number));
        u64 value = 0;
        static_cast<void>(guarded([&] { value = rdmsr(number); }));
        print_case(topic, Text("msr-", hex(number), "-write-same"), write_msr(number, value));
        print_case(topic, Text("msr-", hex(number), "-write-zero"), write_msr(number, 0));
    }
}

// It is locked, so that not even its own value can be written.
void feature_control() {
    print_case(topic, Text("feature-control"), read_msr(msr_feature_control));
    const u64 value = rdmsr(msr_feature_control);
    for (unsigned number = 0; number < 64; ++number)
        print_case(topic, Text("feature-control-write-bit-", number),
                   write_msr(msr_feature_control, value ^ bit(number)));
    print_case(topic, Text("feature-control-write-same"), write_msr(msr_feature_control, value));
}

// Leaves that speak of VMX, of what VMX can virtualize, or of address widths. A hypervisor announces itself
// in one bit of leaf 1; it has a case of its own.
void cpuid_leaves() {
    constexpr u32 ecx_hypervisor = 1u << 31;
    constexpr struct {
        u32 leaf, subleaf;
    } leaves[] = {{0, 0},          {1, 0},          {5, 0},          {6, 0},    {7, 0},   {0xA, 0},
                  {0xB, 0},        {0xB, 1},        {0xD, 0},        {0xD, 1},  {0xD, 2}, {0x80000000, 0},
                  {0x80000001, 0}, {0x80000007, 0}, {0x80000008, 0}, {0x14, 0}, {0x15, 0}};
    for (const auto& l : leaves) {
        CpuidLeaf answer = cpuid(l.leaf, l.subleaf);
        if (l.leaf == 1) {
            print_case(topic, Text("cpuid-hypervisor"), Text(u32{(answer.ecx & ecx_hypervisor) != 0}));
            answer.ecx &= ~ecx_hypervisor;
        }
        print_case(topic, Text("cpuid-", hex(l.leaf), "-", l.subleaf),
                   Text("eax=", hex(answer.eax), " ebx=", hex(answer.ebx), " ecx=", hex(answer.ecx),
                        " edx=", hex(answer.edx)));
    }
}

// SMEP and SMAP would end this program, whose pages belong to user mode, too.
constexpr unsigned cr4_smep_bit = 20, cr4_smap_bit = 21;

template <typename Read, typename Write>
void control_register(const char* name, Read read, Write write) {
    const u64 before = read();
    for (unsigned number = 0; number < 64; ++number) {
        if (same_text(name, "cr4") && (number == cr4_smep_bit || number == cr4_smap_bit)) continue;
        u64 now = 0;
        const Fault fault = guarded([&] {
            write(before ^ bit(number));
            now = read();
        });
        write(before);
        print_case(topic, Text(name, "-flip-", number), fault.happened ? words(fault) : Text(hex(now)));
    }
}

}  // namespace

void sweep_capabilities() {
    vmx_msrs();
    feature_control();
    cpuid_leaves();
    control_register("cr0", read_cr0, write_cr0);
    control_register("cr4", read_cr4, write_cr4);
}

}  // namespace conformance
