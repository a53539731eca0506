// L2 runs, exits for the reason that L1 asked for, and goes on where it was.
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u16 some_port = 0x80, high_port = 0x8123;

Vcpu& guest(void (*code)(), const VcpuOptions& options = {}) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(code), options);
    return vcpu;
}

void expect_exit_at(Report& report, const Exit& exit, u32 reason, void (*code)()) {
    report.expect_exit(exit, reason);
    report.expect("guest RIP", reinterpret_cast<u64>(code), exit.rip);
}

void finish(Report& report, Vcpu& vcpu) {
    vcpu.skip_instruction();
    report.expect_exit(vcpu.run(), reason::vmcall);
}

void cpuid_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_cpuid);
    vcpu.registers.rax = 0x1234;
    vcpu.registers.rcx = 0x5678;
    const Exit exit = vcpu.run();
    expect_exit_at(report, exit, reason::cpuid, &l2_cpuid);
    report.expect("length", 2, exit.instruction_length);
    report.expect("leaf", 0x1234, vcpu.registers.rax);
    report.expect("subleaf", 0x5678, vcpu.registers.rcx);
    finish(report, vcpu);
}

void hlt_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_hlt);
    const Exit exit = vcpu.run();
    expect_exit_at(report, exit, reason::hlt, &l2_hlt);
    report.expect("length", 1, exit.instruction_length);
    finish(report, vcpu);
}

// SDM 3C table 28-5: size, direction, string, REP, immediate, port.
void ports_exit(Report& report) {
    Vcpu& vcpu = guest(&l2_in8);
    vcpu.intercept_port(some_port);
    vcpu.intercept_port(high_port);
    vcpu.registers.rdx = some_port;
    vcpu.registers.rax = 0xAA;
    Exit exit = vcpu.run();
    expect_exit_at(report, exit, reason::io, &l2_in8);
    report.expect("IN of a byte", bit(3) | u64{some_port} << 16, exit.qualification);
    vcpu.registers.rax = 0xBB;
    finish(report, vcpu);
    report.expect("AL from L1", 0xBB, vcpu.registers.rax & 0xFF);

    vcpu.go_to(&l2_out16);
    vcpu.registers.rdx = high_port - 1;  // a word covers the intercepted port
    exit = vcpu.run();
    expect_exit_at(report, exit, reason::io, &l2_out16);
    report.expect("OUT of a word", 1 | u64{high_port - 1} << 16, exit.qualification);
}

void unintercepted_port_does_not_exit(Report& report) {
    Vcpu& vcpu = guest(&l2_out16);
    vcpu.registers.rdx = some_port;
    report.expect_exit(vcpu.run(), reason::vmcall);
}

void every_port_exits_unconditionally(Report& report) {
    Vcpu& vcpu = guest(&l2_in8, {.primary = primary::all_io});
    vmwrite(field::primary_controls, vmread(field::primary_controls) & ~u64{primary::io_bitmaps});
    vcpu.registers.rdx = high_port;
    report.expect_exit(vcpu.run(), reason::io);
}

void string_output_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_out_string);
    vcpu.intercept_port(some_port);
    vcpu.registers.rdx = some_port;
    vcpu.registers.rcx = 5;
    vcpu.registers.rsi = address_of(&vcpu);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::io);
    report.expect("OUTS with REP", bit(4) | bit(5) | u64{some_port} << 16, exit.qualification);
    report.expect("linear address", address_of(&vcpu), exit.guest_linear);
    report.expect("none is out yet", 5, vcpu.registers.rcx);
}

void msrs_exit(Report& report) {
    Vcpu& vcpu = guest(&l2_rdmsr);
    for (const u32 msr : {msr_sysenter_cs, msr_star}) {
        vcpu.intercept_msr(msr);
        vcpu.go_to(&l2_rdmsr);
        vcpu.registers.rcx = msr;
        expect_exit_at(report, vcpu.run(), reason::rdmsr, &l2_rdmsr);
        vcpu.go_to(&l2_wrmsr);
        expect_exit_at(report, vcpu.run(), reason::wrmsr, &l2_wrmsr);
    }
}

void msr_out_of_bitmap_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_rdmsr);
    vcpu.registers.rcx = 0x40000000;
    report.expect_exit(vcpu.run(), reason::rdmsr);
}

void unintercepted_msr_does_not_exit(Report& report) {
    Vcpu& vcpu = guest(&l2_rdmsr);
    wrmsr(msr_kernel_gs_base, 0x0000123456789ABC);
    vcpu.registers.rcx = msr_kernel_gs_base;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L1's value", 0x0000123456789ABC, vcpu.registers.rax);

    guest(&l2_wrmsr);
    vcpu.registers.rcx = msr_kernel_gs_base;
    vcpu.registers.rax = 0x77;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L2's value", 0x77, rdmsr(msr_kernel_gs_base));
    wrmsr(msr_kernel_gs_base, 0);
}

// Without an MSR bitmap every access exits.
void every_msr_exits_without_bitmap(Report& report) {
    Vcpu& vcpu = guest(&l2_rdmsr);
    vmwrite(field::primary_controls, vmread(field::primary_controls) & ~u64{primary::msr_bitmaps});
    vcpu.registers.rcx = msr_kernel_gs_base;
    report.expect_exit(vcpu.run(), reason::rdmsr);
}

// L1 may change its bitmaps between two entries, without any instruction that says so.
void bitmaps_change_between_entries(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    for (int turn = 0; turn < 3; ++turn) {
        report.about("closed");
        vcpu.intercept_msr(msr_kernel_gs_base);
        vcpu.intercept_port(some_port);
        vcpu.go_to(&l2_rdmsr);
        vcpu.registers.rcx = msr_kernel_gs_base;
        report.expect_exit(vcpu.run(), reason::rdmsr);
        vcpu.go_to(&l2_in8);
        vcpu.registers.rdx = some_port;
        report.expect_exit(vcpu.run(), reason::io);

        report.about("open");
        vcpu.intercept_nothing();
        vcpu.go_to(&l2_rdmsr);
        vcpu.registers.rcx = msr_kernel_gs_base;
        report.expect_exit(vcpu.run(), reason::vmcall);
        vcpu.go_to(&l2_in8);
        vcpu.registers.rdx = some_port;
        report.expect_exit(vcpu.run(), reason::vmcall);
    }
}

void vmx_instructions_exit(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    static u64 operand[2];
    for (const auto* i = l2_vmx_instructions; i != l2_vmx_instructions_end; ++i) {
        report.about(i->name);
        vcpu.registers.rdi = address_of(operand);
        vcpu.registers.rsi = 1;
        vcpu.go_to(i->code);
        expect_exit_at(report, vcpu.run(), i->reason, i->code);
    }
}

void rdtsc_exits_or_is_offset(Report& report) {
    Vcpu& vcpu = guest(&l2_rdtsc, {.primary = primary::rdtsc});
    expect_exit_at(report, vcpu.run(), reason::rdtsc, &l2_rdtsc);

    guest(&l2_rdtsc, {.primary = primary::tsc_offsetting});
    constexpr u64 offset = u64{1} << 50, leeway = 1 << 20;
    vmwrite(field::tsc_offset, offset);
    const u64 before = rdtsc();
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("not before L1's time plus the offset", vcpu.registers.rax >= before + offset);
    report.expect("little after it", vcpu.registers.rax < before + offset + leeway);
}

void invlpg_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_invlpg, {.primary = primary::invlpg});
    vcpu.registers.rdi = 0x123456;
    const Exit exit = vcpu.run();
    expect_exit_at(report, exit, reason::invlpg, &l2_invlpg);
    report.expect("qualification: the address", 0x123456, exit.qualification);
}

void triple_fault_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_ud2);
    vmwrite(field::guest_idtr_limit, 0);
    report.expect_exit(vcpu.run(), reason::triple_fault);
}

// Every general register crosses both ways.
void registers_cross(Report& report) {
    Vcpu& vcpu = guest(&l2_name_registers);
    u64* const registers = &vcpu.registers.rax;
    constexpr u64 count = sizeof(GuestRegisters) / sizeof(u64);
    for (u64 i = 0; i < count; ++i) registers[i] = 0x1010101010101010 * (i + 1);
    report.expect_exit(vcpu.run(), reason::vmcall);
    for (u64 i = 0; i < count; ++i)
        report.expect("register as given", 0x1010101010101010 * (i + 1), registers[i]);
    for (u64 i = 0; i < count; ++i) registers[i] ^= 0xFF;
    vcpu.skip_instruction();
    report.expect_exit(vcpu.run(), reason::vmcall);
    for (u64 i = 0; i < count; ++i) {
        report.expect("register as L2 left it", ((0x1010101010101010 * (i + 1)) ^ 0xFF) + i + 1,
                      registers[i]);
    }
}

void many_vcpus_alternate(Report& report) {
    constexpr u64 count = 24, turns = 5;
    static constinit Vcpu vcpus[count];
    for (u64 i = 0; i < count; ++i) {
        vcpus[i].build(reinterpret_cast<const void*>(&l2_cpuid), {.vpid = static_cast<u16>(i + 1)});
        vcpus[i].registers.rax = i * 100;
    }
    for (u64 turn = 0; turn < turns; ++turn) {
        for (u64 i = 0; i < count; ++i) {
            vcpus[i].make_current();
            vcpus[i].go_to(&l2_cpuid);
            report.expect_exit(vcpus[i].run(), reason::cpuid);
            report.expect("this vcpu's register", i * 100 + turn, vcpus[i].registers.rax++);
        }
    }
}

void cpuid_in_a_loop_is_steady(Report& report) {
    Vcpu& vcpu = guest(&l2_cpuid);
    for (u64 i = 0; i < 1000; ++i) {
        vcpu.registers.rax = i;
        vcpu.go_to(&l2_cpuid);
        report.expect_exit(vcpu.run(), reason::cpuid);
        report.expect("leaf", i, vcpu.registers.rax);
    }
}

constexpr TestCase cases[] = {
    {"l2-cpuid", cpuid_exits},
    {"l2-hlt", hlt_exits},
    {"l2-ports", ports_exit},
    {"l2-port-not-intercepted", unintercepted_port_does_not_exit},
    {"l2-all-ports", every_port_exits_unconditionally},
    {"l2-string-output", string_output_exits},
    {"l2-msrs", msrs_exit},
    {"l2-msr-out-of-bitmap", msr_out_of_bitmap_exits},
    {"l2-msr-not-intercepted", unintercepted_msr_does_not_exit},
    {"l2-msr-no-bitmap", every_msr_exits_without_bitmap},
    {"l2-bitmaps-change", bitmaps_change_between_entries},
    {"l2-vmx-instructions", vmx_instructions_exit},
    {"l2-rdtsc", rdtsc_exits_or_is_offset},
    {"l2-invlpg", invlpg_exits},
    {"l2-triple-fault", triple_fault_exits},
    {"l2-registers", registers_cross},
    {"l2-many-vcpus", many_vcpus_alternate},
    {"l2-cpuid-1000-times", cpuid_in_a_loop_is_steady},
};

}  // namespace

constexpr Topic run_tests = topic(cases);

}  // namespace micro
