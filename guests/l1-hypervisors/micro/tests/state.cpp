// Control registers and MSRs at the border: masks and shadows, what an exit saves, what an entry loads, MSR
// lists.
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

Vcpu& guest(void (*code)(), const VcpuOptions& options = {}) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(code), options);
    return vcpu;
}

// SDM 3C table 28-3: register number, access type, general register (RDI is 7).
constexpr u64 from_rdi = 7 << 8;
constexpr u64 type_mov_from = 1 << 4, type_clts = 2 << 4, type_lmsw = 3 << 4;

void cr0_mask_and_shadow(Report& report) {
    Vcpu& vcpu = guest(&l2_get_cr0);
    const u64 cr0 = vmread(field::guest_cr0);
    vmwrite(field::cr0_mask, cr0_ts);
    vmwrite(field::cr0_shadow, cr0_ts);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L2 reads the shadow", cr0 | cr0_ts, vcpu.registers.rax);

    vcpu.go_to(&l2_mov_cr0);
    vcpu.registers.rdi = cr0;  // clears TS, which the shadow has set
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::cr_access);
    report.expect("qualification", 0 | from_rdi, exit.qualification);
    report.expect("CR0 unchanged", cr0, vmread(field::guest_cr0));
}

void cr0_unmasked_bit_changes(Report& report) {
    Vcpu& vcpu = guest(&l2_mov_cr0);
    const u64 cr0 = vmread(field::guest_cr0);
    vcpu.registers.rdi = cr0 | cr0_ts;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("saved by the exit", cr0 | cr0_ts, vmread(field::guest_cr0));
    report.expect("L1's own is as before", 0, read_cr0() & cr0_ts);
}

void clts_and_lmsw(Report& report) {
    Vcpu& vcpu = guest(&l2_clts);
    vmwrite(field::cr0_mask, cr0_ts);
    vmwrite(field::cr0_shadow, cr0_ts);
    Exit exit = vcpu.run();
    report.expect_exit(exit, reason::cr_access);
    report.expect("CLTS", type_clts, exit.qualification);
    vcpu.go_to(&l2_lmsw);
    vcpu.registers.rdi = 1;
    exit = vcpu.run();
    report.expect_exit(exit, reason::cr_access);
    report.expect("LMSW", type_lmsw | u64{1} << 16, exit.qualification & 0xFFFF007F);
}

void cr4_mask_and_shadow(Report& report) {
    Vcpu& vcpu = guest(&l2_get_cr4);
    const u64 cr4 = vmread(field::guest_cr4);
    vmwrite(field::cr4_mask, cr4_vmxe);
    vmwrite(field::cr4_shadow, 0);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L2 sees no VMXE", cr4 & ~cr4_vmxe, vcpu.registers.rax);

    vcpu.go_to(&l2_mov_cr4);
    vcpu.registers.rdi = (cr4 & ~cr4_vmxe) | cr4_de;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("DE set, VMXE kept", cr4 | cr4_de, vmread(field::guest_cr4));

    vcpu.go_to(&l2_mov_cr4);
    vcpu.registers.rdi = cr4;
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::cr_access);
    report.expect("qualification", 4 | from_rdi, exit.qualification);
}

void cr3_exits_and_targets(Report& report) {
    Vcpu& vcpu = guest(&l2_mov_cr3, {.primary = primary::cr3_load | primary::cr3_store});
    vcpu.registers.rdi = l2::page_tables();
    Exit exit = vcpu.run();
    report.expect_exit(exit, reason::cr_access);
    report.expect("MOV to CR3", 3 | from_rdi, exit.qualification);

    vmwrite(field::cr3_target_count, 1);
    vmwrite(field::cr3_target_0, l2::page_tables());
    report.expect_exit(vcpu.run(), reason::vmcall);

    vcpu.go_to(&l2_get_cr3);
    exit = vcpu.run();
    report.expect_exit(exit, reason::cr_access);
    report.expect("MOV from CR3", 3 | type_mov_from, exit.qualification);
}

void cr3_without_exits(Report& report) {
    Vcpu& vcpu = guest(&l2_get_cr3);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L2's own tables", l2::page_tables(), vcpu.registers.rax);
}

// An invalid value of L2's own is L2's fault, not L1's (#GP into L2, here intercepted).
void l2_breaks_fixed_bits(Report& report) {
    Vcpu& vcpu = guest(&l2_mov_cr4);
    vmwrite(field::exception_bitmap, 1 << vector_gp);
    vcpu.registers.rdi = vmread(field::guest_cr4) & ~cr4_vmxe;
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::exception);
    report.expect("vector", vector_gp, exit.interruption & 0xFF);
}

void exit_saves_segments_and_flags(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    struct Saved {
        Field field;
        u64 value;
    };
    const Saved saved[] = {
        {field::guest_cs_selector, vmread(field::guest_cs_selector)},
        {field::guest_ss_selector, vmread(field::guest_ss_selector)},
        {field::guest_tr_selector, vmread(field::guest_tr_selector)},
        {field::guest_tr_base, vmread(field::guest_tr_base)},
        {field::guest_gdtr_base, vmread(field::guest_gdtr_base)},
        {field::guest_gdtr_limit, vmread(field::guest_gdtr_limit)},
        {field::guest_idtr_base, vmread(field::guest_idtr_base)},
        {field::guest_idtr_limit, vmread(field::guest_idtr_limit)},
        {field::guest_cr3, vmread(field::guest_cr3)},
        {field::guest_cs_access, vmread(field::guest_cs_access)},
        {field::guest_tr_access, vmread(field::guest_tr_access)},
        {field::guest_activity, 0},
        {field::guest_interruptibility, 0},
        {field::vmcs_link_pointer, ~u64{0}},
    };
    const u64 rsp = vmread(field::guest_rsp);
    report.expect_exit(vcpu.run(), reason::vmcall);
    for (const Saved& s : saved) {
        report.expect("a field saved as it was loaded", s.value, vmread(s.field));
    }
    report.expect("RSP after RET", rsp + 8, vmread(field::guest_rsp));
    report.expect("RFLAGS bit 1", rflags_reserved1, vmread(field::guest_rflags) & rflags_reserved1);
    report.expect("unusable FS", bit(16), vmread(field::guest_fs_access) & bit(16));
}

// L1 continues with its own control registers, tables and bases, whatever L2 had.
void exit_restores_l1(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();
    constexpr u64 fs_base = 0x123000, gs_base = 0x456000;
    vmwrite(field::host_fs_base, fs_base);
    vmwrite(field::host_gs_base, gs_base);
    vmwrite(field::host_sysenter_eip, 0x789000);
    vmwrite(field::guest_cr4, cr4 | cr4_de);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("CR0", cr0, read_cr0());
    report.expect("CR3", cr3, read_cr3());
    report.expect("CR4", cr4, read_cr4());
    report.expect("FS base", fs_base, rdmsr(msr_fs_base));
    report.expect("GS base", gs_base, rdmsr(msr_gs_base));
    report.expect("SYSENTER_EIP", 0x789000, rdmsr(msr_sysenter_eip));
    report.expect("DR7", 0x400, read_dr7());
    report.expect("RFLAGS.IF", 0, read_rflags() & rflags_if);
}

// CR2 and DR0 are in no VMCS: L2 finds what L1 left, and L1 what it had, however often a hypervisor below
// comes between.
void unswitched_registers_stay(Report& report) {
    Vcpu& vcpu = guest(&l2_get_cr2);
    write_cr2(0xC2C2C2C2C2);
    write_dr0(0xD0D0D0D0);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("CR2 in L2", 0xC2C2C2C2C2, vcpu.registers.rax);
    vcpu.go_to(&l2_get_dr0);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("DR0 in L2", 0xD0D0D0D0, vcpu.registers.rax);
    report.expect("CR2 in L1", 0xC2C2C2C2C2, read_cr2());
    report.expect("DR0 in L1", 0xD0D0D0D0, read_dr0());
    write_dr0(0);
}

void sysenter_msrs_switch(Report& report) {
    Vcpu& vcpu = guest(&l2_rdmsr);
    vmwrite(field::guest_sysenter_esp, 0xE5B0);
    vmwrite(field::host_sysenter_esp, 0x4057);
    vcpu.registers.rcx = msr_sysenter_esp;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("in L2", 0xE5B0, vcpu.registers.rax);
    report.expect("in L1", 0x4057, rdmsr(msr_sysenter_esp));
}

void efer_switches(Report& report) {
    const u32 exit = exit_control::save_efer | exit_control::load_efer;
    if (!control_is_allowed(vmx_msr::exit, exit) ||
        !control_is_allowed(vmx_msr::entry, entry_control::load_efer)) {
        return report.skip("EFER is not switched by hardware here");
    }
    constexpr u64 system_call_enable = bit(0);
    const u64 efer = rdmsr(msr_efer);
    Vcpu& vcpu = guest(&l2_rdmsr, {.exit = exit, .entry = entry_control::load_efer});
    vmwrite(field::guest_efer, efer ^ system_call_enable);
    vmwrite(field::host_efer, efer);
    vcpu.registers.rcx = msr_efer;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("in L2", efer ^ system_call_enable, vcpu.registers.rax);
    report.expect("in L1", efer, rdmsr(msr_efer));
    report.expect("saved", efer ^ system_call_enable, vmread(field::guest_efer));
}

void msr_lists(Report& report) {
    struct Entry {
        u32 number, reserved;
        u64 value;
    };
    alignas(16) static Entry entry_load[2], exit_store[2], exit_load[2];
    constexpr u64 l2_value = 0x2222, l2_new_value = 0x3333, l1_value = 0x1111;
    entry_load[0] = {msr_star, 0, 0x5757};
    entry_load[1] = {msr_kernel_gs_base, 0, l2_value};
    exit_store[0] = {msr_kernel_gs_base, 0, 0};
    exit_store[1] = {msr_star, 0, 0};
    exit_load[0] = {msr_kernel_gs_base, 0, l1_value};
    exit_load[1] = {msr_star, 0, 0};

    Vcpu& vcpu = guest(&l2_rdmsr);
    vmwrite(field::entry_msr_load_address, address_of(entry_load));
    vmwrite(field::exit_msr_store_address, address_of(exit_store));
    vmwrite(field::exit_msr_load_address, address_of(exit_load));
    for (const Field count :
         {field::entry_msr_load_count, field::exit_msr_store_count, field::exit_msr_load_count}) {
        vmwrite(count, 2);
    }
    vcpu.registers.rcx = msr_kernel_gs_base;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("loaded for L2", l2_value, vcpu.registers.rax);
    report.expect("stored at the exit", l2_value, exit_store[0].value);
    report.expect("the second stored, too", 0x5757, exit_store[1].value);
    report.expect("loaded for L1", l1_value, rdmsr(msr_kernel_gs_base));

    vcpu.go_to(&l2_wrmsr);
    vcpu.registers.rcx = msr_kernel_gs_base;
    vcpu.registers.rax = l2_new_value;
    vcpu.registers.rdx = 0;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L2's own value stored", l2_new_value, exit_store[0].value);
    report.expect("the list L2 was loaded from is untouched", l2_value, entry_load[1].value);
    report.expect("L1's again", l1_value, rdmsr(msr_kernel_gs_base));
    wrmsr(msr_kernel_gs_base, 0);
}

constexpr TestCase cases[] = {
    {"cr0-mask-and-shadow", cr0_mask_and_shadow},
    {"cr0-free-bit", cr0_unmasked_bit_changes},
    {"cr0-clts-lmsw", clts_and_lmsw},
    {"cr4-mask-and-shadow", cr4_mask_and_shadow},
    {"cr3-exits-and-targets", cr3_exits_and_targets},
    {"cr3-free", cr3_without_exits},
    {"cr4-l2-breaks-fixed-bits", l2_breaks_fixed_bits},
    {"exit-saves-guest-state", exit_saves_segments_and_flags},
    {"exit-restores-l1", exit_restores_l1},
    {"unswitched-registers", unswitched_registers_stay},
    {"sysenter-msrs-switch", sysenter_msrs_switch},
    {"efer-switches", efer_switches},
    {"msr-lists", msr_lists},
};

}  // namespace

constexpr Topic state_tests = topic(cases);

}  // namespace micro
