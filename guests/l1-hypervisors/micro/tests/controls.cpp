// One control after another: with it the instruction exits, without it L2 goes on. What is not offered is
// left out.
#include "cpu/instructions.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

struct Interception {
    const char* name;
    void (*code)();
    u32 primary, secondary;  // what makes it exit
    u32 enabled_by;          // secondary control without which L2 gets #UD
    u32 reason, length;
    bool harmless;  // may run in L2 on the bare machine
};

constexpr Interception interceptions[] = {
    {"invlpg", &l2_invlpg, primary::invlpg, 0, 0, reason::invlpg, 3, true},
    {"rdpmc", &l2_rdpmc, primary::rdpmc, 0, 0, reason::rdpmc, 2, false},
    {"rdtsc", &l2_rdtsc, primary::rdtsc, 0, 0, reason::rdtsc, 2, true},
    {"mov to cr3", &l2_mov_cr3, primary::cr3_load, 0, 0, reason::cr_access, 3, false},
    {"mov from cr3", &l2_get_cr3, primary::cr3_store, 0, 0, reason::cr_access, 3, true},
    {"mov to cr8", &l2_mov_cr8, primary::cr8_load, 0, 0, reason::cr_access, 4, false},
    {"mov from cr8", &l2_get_cr8, primary::cr8_store, 0, 0, reason::cr_access, 4, true},
    {"mov to dr0", &l2_mov_dr0, primary::mov_dr, 0, 0, reason::mov_dr, 3, true},
    {"mov from dr0", &l2_get_dr0, primary::mov_dr, 0, 0, reason::mov_dr, 3, true},
    {"pause", &l2_pause, primary::pause, 0, 0, reason::pause, 2, true},
    {"hlt", &l2_hlt, primary::hlt, 0, 0, reason::hlt, 1, false},
    {"sgdt", &l2_sgdt, 0, secondary::descriptor_table, 0, reason::gdtr_idtr, 3, true},
    {"sidt", &l2_sidt, 0, secondary::descriptor_table, 0, reason::gdtr_idtr, 3, true},
    {"sldt", &l2_sldt, 0, secondary::descriptor_table, 0, reason::ldtr_tr, 3, true},
    {"str", &l2_str, 0, secondary::descriptor_table, 0, reason::ldtr_tr, 3, true},
    {"wbinvd", &l2_wbinvd, 0, secondary::wbinvd, 0, reason::wbinvd, 2, true},
    {"rdtscp", &l2_rdtscp, primary::rdtsc, 0, secondary::rdtscp, reason::rdtscp, 3, true},
    {"invpcid", &l2_invpcid, primary::invlpg, 0, secondary::invpcid, reason::invpcid, 5, true},
    {"rdrand", &l2_rdrand, 0, secondary::rdrand, 0, reason::rdrand, 4, false},
    {"rdseed", &l2_rdseed, 0, secondary::rdseed, 0, reason::rdseed, 4, false},
};

u64 operand[2];

bool is_offered(const Interception& i) {
    return control_is_allowed(vmx_msr::primary, i.primary) &&
           control_is_allowed(vmx_msr::secondary, i.secondary | i.enabled_by);
}

Vcpu& guest_for(const Interception& i, bool intercepted) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(i.code),
               {.primary = intercepted ? i.primary : 0,
                .secondary = i.enabled_by | (intercepted ? i.secondary : 0)});
    operand[0] = operand[1] = 0;
    vcpu.registers.rdi = address_of(operand);
    return vcpu;
}

void instructions_exit(Report& report) {
    for (const Interception& i : interceptions) {
        if (!is_offered(i)) continue;
        report.about(i.name);
        const Exit exit = guest_for(i, true).run();
        report.expect_exit(exit, i.reason);
        report.expect("RIP", reinterpret_cast<u64>(i.code), exit.rip);
        report.expect("length", i.length, exit.instruction_length);
    }
}

void instructions_do_not_exit(Report& report) {
    for (const Interception& i : interceptions) {
        if (!is_offered(i) || !i.harmless) continue;
        report.about(i.name);
        report.expect_exit(guest_for(i, false).run(), reason::vmcall);
    }
}

void unconditional_exits(Report& report) {
    struct Case {
        const char* name;
        void (*code)();
        u32 reason;
    };
    constexpr Case unconditional[] = {{"cpuid", &l2_cpuid, reason::cpuid},
                                      {"invd", &l2_invd, reason::invd},
                                      {"xsetbv", &l2_xsetbv, reason::xsetbv}};
    for (const Case& c : unconditional) {
        if (c.reason == reason::xsetbv && (read_cr4() & cr4_osxsave) == 0) continue;
        report.about(c.name);
        Vcpu& vcpu = test_vcpu();
        vcpu.build(reinterpret_cast<const void*>(c.code));
        report.expect_exit(vcpu.run(), c.reason);
    }
}

// Instructions that need a secondary control are #UD in L2 without it (SDM 3C 26.3).
void disabled_instructions_are_undefined(Report& report) {
    for (const Interception& i : interceptions) {
        if (!is_offered(i) || i.enabled_by == 0) continue;
        report.about(i.name);
        Vcpu& vcpu = test_vcpu();
        vcpu.build(reinterpret_cast<const void*>(i.code));
        vmwrite(field::exception_bitmap, 1 << vector_ud);
        const Exit exit = vcpu.run();
        report.expect_exit(exit, reason::exception);
        report.expect("vector", vector_ud, exit.interruption & 0xFF);
    }
}

constexpr u64 task_priority = 0x80;
constexpr u64 cr8_shift = 4;
Page virtual_apic, apic_access;

void tpr_shadow(Report& report) {
    if (!control_is_allowed(vmx_msr::primary, primary::tpr_shadow)) return report.skip("no TPR shadow here");
    Vcpu& vcpu = test_vcpu();
    virtual_apic.clear();
    vcpu.build(reinterpret_cast<const void*>(&l2_mov_cr8), {.primary = primary::tpr_shadow});
    vmwrite(field::virtual_apic_address, virtual_apic.address());
    vmwrite(field::tpr_threshold, 0);
    vcpu.registers.rdi = 9;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("the virtual TPR", 9 << cr8_shift, virtual_apic.bytes[task_priority]);
    vcpu.go_to(&l2_get_cr8);
    virtual_apic.bytes[task_priority] = 0x50;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("CR8 in L2", 5, vcpu.registers.rax);

    report.about("below the threshold");
    vmwrite(field::tpr_threshold, 5);
    vcpu.go_to(&l2_mov_cr8);
    vcpu.registers.rdi = 4;
    report.expect_exit(vcpu.run(), reason::tpr_below_threshold);
}

// SDM 3C table 28-6: the offset in the page, and whether it was a read (0) or a write (1).
void apic_accesses_exit(Report& report) {
    if (!control_is_allowed(vmx_msr::secondary, secondary::apic_accesses))
        return report.skip("not offered here");
    constexpr u64 write_access = 1 << 12;
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_read), {.secondary = secondary::apic_accesses});
    vmwrite(field::apic_access_address, apic_access.address());
    vcpu.ept.window_entry(0) = apic_access.address() | ept_entry::all | ept_entry::write_back;
    vcpu.registers.rdi = Ept::window + task_priority;
    Exit exit = vcpu.run();
    report.expect_exit(exit, reason::apic_access);
    report.expect("a read", task_priority, exit.qualification);
    vcpu.go_to(&l2_write32);
    exit = vcpu.run();
    report.expect_exit(exit, reason::apic_access);
    report.expect("a write", task_priority | write_access, exit.qualification);
}

constexpr TestCase cases[] = {
    {"controls-exit", instructions_exit},
    {"controls-do-not-exit", instructions_do_not_exit},
    {"controls-unconditional", unconditional_exits},
    {"controls-undefined-unless-enabled", disabled_instructions_are_undefined},
    {"tpr-shadow", tpr_shadow},
    {"apic-accesses-exit", apic_accesses_exit},
};

}  // namespace

constexpr Topic control_tests = topic(cases);

}  // namespace micro
