// What the processor says about its VMX, and the bits that VMX operation holds fixed (SDM 3D appendix A,
// 3C 24.7, 24.8).
#include "cpu/instructions.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u64 basic_bit31 = bit(31), basic_region_size_shift = 32, basic_region_size_mask = 0x1FFF;
constexpr u64 basic_memory_type_shift = 50, basic_memory_type_mask = 0xF, memory_type_write_back = 6;

u32 last_capability_msr() {
    constexpr u32 secondary_vmfunc = 1u << 13;
    return control_is_allowed(vmx_msr::secondary, secondary_vmfunc) ? vmx_msr::vmfunc : vmx_msr::true_entry;
}

void every_register_is_readable(Report& report) {
    for (u32 msr = vmx_msr::basic; msr <= last_capability_msr(); ++msr) {
        const Fault fault = guarded([&] { static_cast<void>(rdmsr(msr)); });
        report.expect("RDMSR without a fault, of", msr, fault.happened ? 0 : msr);
    }
}

void no_register_is_writable(Report& report) {
    for (u32 msr = vmx_msr::basic; msr <= last_capability_msr(); ++msr) {
        const u64 value = rdmsr(msr);
        report.expect_fault(guarded([&] { wrmsr(msr, value); }), vector_gp, 0);
        report.expect("the same value afterwards", value, rdmsr(msr));
    }
}

void basic_describes_regions(Report& report) {
    const u64 basic = rdmsr(vmx_msr::basic);
    report.expect("bit 31 of IA32_VMX_BASIC", 0, basic & basic_bit31);
    const u64 size = basic >> basic_region_size_shift & basic_region_size_mask;
    report.expect("a region of 1 to 4096 bytes", size > 0 && size <= page_size);
    report.expect("write-back VMCSs", memory_type_write_back,
                  basic >> basic_memory_type_shift & basic_memory_type_mask);
}

// A bit that must be 1 may be 1, and the TRUE registers only relax the plain ones (SDM 3D A.2).
void control_registers_agree(Report& report) {
    constexpr u32 pairs[][2] = {{vmx_msr::pin, vmx_msr::true_pin},
                                {vmx_msr::primary, vmx_msr::true_primary},
                                {vmx_msr::exit, vmx_msr::true_exit},
                                {vmx_msr::entry, vmx_msr::true_entry}};
    const bool has_true = (rdmsr(vmx_msr::basic) & vmx_msr::basic_true_controls) != 0;
    for (const auto& pair : pairs) {
        const u64 plain = rdmsr(pair[0]);
        report.expect("must-be-1 within may-be-1", 0, (plain & 0xFFFFFFFF) & ~(plain >> 32));
        if (!has_true) continue;
        const u64 relaxed = rdmsr(pair[1]);
        report.expect("TRUE must-be-1 within plain must-be-1", 0, (relaxed & ~plain) & 0xFFFFFFFF);
        report.expect("TRUE must-be-1 within may-be-1", 0, (relaxed & 0xFFFFFFFF) & ~(relaxed >> 32));
        report.expect("the same may-be-1", plain >> 32, relaxed >> 32);
    }
}

void fixed_bits_hold_in_operation(Report& report) {
    const u64 cr0 = read_cr0(), cr4 = read_cr4();
    report.expect("CR0 keeps its fixed ones", 0, rdmsr(vmx_msr::cr0_fixed0) & ~cr0);
    report.expect("CR4 keeps its fixed ones", 0, rdmsr(vmx_msr::cr4_fixed0) & ~cr4);
    report.expect_fault(guarded([&] { write_cr4(cr4 & ~cr4_vmxe); }), vector_gp, 0);
    report.expect_fault(guarded([&] { write_cr0(cr0 & ~cr0_ne); }), vector_gp, 0);
    report.expect("CR4 unchanged", cr4, read_cr4());
    report.expect("CR0 unchanged", cr0, read_cr0());
    write_cr0(cr0 ^ cr0_ts);
    report.expect("a free bit of CR0 changes", cr0 ^ cr0_ts, read_cr0());
    write_cr0(cr0);
    write_cr4(cr4 ^ cr4_tsd);
    report.expect("a free bit of CR4 changes", cr4 ^ cr4_tsd, read_cr4());
    write_cr4(cr4);
}

void outside_operation_the_bits_are_free(Report& report) {
    leave_vmx_operation();
    report.expect("CR4.VMXE is clear", 0, read_cr4() & cr4_vmxe);
    write_cr0(read_cr0() & ~cr0_ne);
    report.expect("CR0.NE is clear", 0, read_cr0() & cr0_ne);
    write_cr0(read_cr0() | cr0_ne);
    write_cr4(read_cr4() | cr4_vmxe);
    report.expect("CR4.VMXE is set", cr4_vmxe, read_cr4() & cr4_vmxe);
    write_cr4(read_cr4() & ~cr4_vmxe);
}

void feature_control_is_locked(Report& report) {
    const u64 value = rdmsr(msr_feature_control);
    report.expect("locked", feature_control::locked, value & feature_control::locked);
    report.expect("VMX outside SMX", feature_control::vmx_outside_smx,
                  value & feature_control::vmx_outside_smx);
    report.expect_fault(guarded([&] { wrmsr(msr_feature_control, value); }), vector_gp, 0);
    report.expect_fault(guarded([&] { wrmsr(msr_feature_control, 0); }), vector_gp, 0);
    report.expect("unchanged", value, rdmsr(msr_feature_control));
}

void vmxoff_and_vmxon_again(Report& report) {
    for (int turn = 0; turn < 3; ++turn) {
        leave_vmx_operation();
        report.expect("VMXON again", enter_vmx_operation());
        u64 pointer = 0;
        report.expect("VMPTRST works", vmptrst(pointer).succeeded());
        report.expect("no current VMCS", ~u64{0}, pointer);
    }
}

// What a hypervisor below must hand on to L1 as the processor would. (An MSR that does not exist is not here:
// Bochs, unless told otherwise, reads it as zero.)
void l1_gets_its_own_faults(Report& report) {
    constexpr u64 cr0_pg = bit(31), cr0_pe = bit(0), cr0_nw = bit(29), cr0_cd = bit(30), cr4_pae = bit(5),
                  cr4_reserved = bit(31);
    const u64 cr0 = read_cr0(), cr4 = read_cr4();
    struct BadValue {
        const char* name;
        u64 value;
    };
    const BadValue bad_values[] = {{"CR0 without PG", cr0 & ~cr0_pg},
                                   {"CR0 without PG and PE", cr0 & ~(cr0_pg | cr0_pe)},
                                   {"CR0 with PG, without PE", cr0 & ~cr0_pe},
                                   {"CR0 with NW, without CD", (cr0 & ~cr0_cd) | cr0_nw},
                                   {"CR0 with bit 32", cr0 | bit(32)}};
    for (const BadValue& bad : bad_values) {
        report.about(bad.name);
        report.expect_fault(guarded([&] { write_cr0(bad.value); }), vector_gp, 0);
        report.expect("CR0 unchanged", cr0, read_cr0());
    }
    report.about("CR4");
    for (const u64 bad : {cr4 & ~cr4_pae, cr4 | cr4_reserved, cr4 | bit(32)}) {
        report.expect_fault(guarded([&] { write_cr4(bad); }), vector_gp, 0);
        report.expect("CR4 unchanged", cr4, read_cr4());
    }
}

void xsetbv_of_l1(Report& report) {
    if ((read_cr4() & cr4_osxsave) == 0) return report.skip("no XSAVE here");
    constexpr u64 x87 = 1, sse = 2, avx = 4;
    const u64 before = xgetbv(0);
    report.about("without x87");
    report.expect_fault(guarded([] { xsetbv(0, sse); }), vector_gp, 0);
    report.about("AVX without SSE");
    report.expect_fault(guarded([] { xsetbv(0, x87 | avx); }), vector_gp, 0);
    report.about("a register that does not exist");
    report.expect_fault(guarded([] { xsetbv(1, x87); }), vector_gp, 0);
    report.expect("XCR0 unchanged", before, xgetbv(0));
    xsetbv(0, x87 | sse);
    report.expect("XCR0 with SSE", x87 | sse, xgetbv(0));
    xsetbv(0, before);
}

// An instruction that exits to an L0 is stepped over like any other: the trap comes after it, not after the
// next one.
void single_step(Report& report) {
    constexpr u64 debug_status_single_step = bit(14);
    u64 next = 0;
    const Fault fault = guarded([&] {
        asm volatile(
            "leaq 1f(%%rip), %%rax\n\t"
            "movq %%rax, %0\n\t"
            "xorl %%eax, %%eax\n\t"
            "pushfq\n\t"
            "orq $0x100, (%%rsp)\n\t"
            "popfq\n\t"
            "cpuid\n"
            "1:\tnop\n\t"
            "nop"
            : "=m"(next)
            :
            : "rax", "rbx", "rcx", "rdx", "memory", "cc");
    });
    report.expect("a trap", fault.happened);
    report.expect("vector", vector_db, fault.vector);
    report.expect("after CPUID", next, fault.rip);
    u64 dr6 = 0;
    asm volatile("mov %%dr6, %0" : "=r"(dr6));
    report.expect("DR6.BS", debug_status_single_step, dr6 & debug_status_single_step);
    constexpr u64 dr6_after_reset = 0xFFFF0FF0;
    asm volatile("mov %0, %%dr6" : : "r"(dr6_after_reset));
}

constexpr TestCase cases[] = {
    {"capability-msrs-readable", every_register_is_readable},
    {"capability-msrs-read-only", no_register_is_writable},
    {"capability-basic", basic_describes_regions},
    {"capability-controls-agree", control_registers_agree},
    {"fixed-bits-in-operation", fixed_bits_hold_in_operation},
    {"fixed-bits-outside-operation", outside_operation_the_bits_are_free},
    {"feature-control-locked", feature_control_is_locked},
    {"l1-own-faults", l1_gets_its_own_faults},
    {"l1-single-step", single_step},
    {"l1-xsetbv", xsetbv_of_l1},
    {"vmxoff-vmxon", vmxoff_and_vmxon_again},
};

}  // namespace

constexpr Topic capability_tests = topic(cases);

}  // namespace micro
