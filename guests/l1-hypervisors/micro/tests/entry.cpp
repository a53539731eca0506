// VM entries that must not happen: bad controls (error 7), bad host state (error 8), bad guest state (exit
// 33), bad MSR list (exit 34). SDM 3C 27.2 to 27.8.
#include "cpu/instructions.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u64 non_canonical = u64{1} << 62;
constexpr u64 misaligned = 0x10;
constexpr u32 cpuid_address_sizes = 0x80000008, cpuid_features = 1, cpuid_ecx_x2apic = 1 << 21;
constexpr u32 msr_x2apic_id = 0x802;

// One change to a valid VMCS: clear some bits of a field, then set some.
struct Change {
    const char* name;
    Field field;
    u64 clear, set;
};

Vcpu& fresh(const VcpuOptions& options = {}) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_nothing), options);
    return vcpu;
}

u64 apply(const Change& change) {
    const u64 before = vmread(change.field);
    vmwrite(change.field, (before & ~change.clear) | change.set);
    return before;
}

u64 beyond_physical_memory() { return u64{1} << (cpuid(cpuid_address_sizes).eax & 0xFF); }

// The VMCS without the change must run: at first by VMLAUNCH, later by VMRESUME, so that both meet the bad
// values.
void expect_runs(Report& report, Vcpu& vcpu) {
    vcpu.go_to(&l2_nothing);
    const Exit exit = vcpu.run();
    report.expect("with the field restored, VM-instruction error", 0, exit.error);
    report.expect("with the field restored, exit reason", reason::vmcall, exit.reason);
}

// Every change must be refused with `error`.
template <usize count>
void expect_refused(Report& report, Vcpu& vcpu, const Change (&changes)[count], u32 error) {
    for (const Change& change : changes) {
        report.about(change.name);
        const u64 before = apply(change);
        const Exit exit = vcpu.run();
        report.expect("a VMfail", exit.kind == Exit::Kind::failed_valid);
        report.expect("VM-instruction error", error, exit.error);
        vmwrite(change.field, before);
        expect_runs(report, vcpu);
    }
}

constexpr u64 all = ~u64{0};
constexpr u64 watchdog_ticks = 1000000;

void bad_controls(Report& report) {
    const u64 beyond = beyond_physical_memory();
    const Change changes[] = {
        {"pin controls: all zero", field::pin_controls, all, 0},
        {"pin controls: reserved bit 31", field::pin_controls, 0, bit(31)},
        {"pin controls: virtual NMIs without NMI exiting", field::pin_controls, pin::nmi, bit(5)},
        {"primary controls: all zero", field::primary_controls, all, 0},
        {"primary controls: reserved bit 0", field::primary_controls, 0, bit(0)},
        {"primary controls: NMI window without virtual NMIs", field::primary_controls, 0, bit(22)},
        {"secondary controls: reserved bit 31", field::secondary_controls, 0, bit(31)},
        {"secondary controls: unrestricted guest without EPT", field::secondary_controls, secondary::ept,
         secondary::unrestricted_guest},
        {"exit controls: all zero", field::exit_controls, all, 0},
        {"exit controls: save timer, no timer", field::exit_controls, 0, exit_control::save_preemption_timer},
        {"entry controls: all zero", field::entry_controls, all, 0},
        {"CR3 targets: 5", field::cr3_target_count, all, 5},
        {"I/O bitmap A: misaligned", field::io_bitmap_a, 0, misaligned},
        {"I/O bitmap B: beyond physical memory", field::io_bitmap_b, 0, beyond},
        {"MSR bitmap: misaligned", field::msr_bitmap, 0, misaligned},
        {"MSR bitmap: beyond physical memory", field::msr_bitmap, 0, beyond},
        {"VPID: 0", field::vpid, all, 0},
        {"EPTP: memory type 7", field::eptp, 0, 7},
        {"EPTP: walk of 1 level", field::eptp, 7 << 3, 0},
        {"EPTP: reserved bit 8", field::eptp, 0, bit(8)},
        {"EPTP: beyond physical memory", field::eptp, 0, beyond},
        {"exit MSR store: misaligned", field::exit_msr_store_count, 0, 1},
        {"event: reserved type 1", field::entry_interruption_information, all, interruption::valid | 1 << 8},
        {"event: NMI with vector 3", field::entry_interruption_information, all,
         interruption::valid | interruption::nmi | 3},
        {"event: exception with vector 32", field::entry_interruption_information, all,
         interruption::valid | interruption::hardware_exception | 32},
        {"event: error code with #UD", field::entry_interruption_information, all,
         interruption::valid | interruption::hardware_exception | interruption::has_error_code | vector_ud},
        {"event: #GP without error code", field::entry_interruption_information, all,
         interruption::valid | interruption::hardware_exception | vector_gp},
        {"event: reserved bit 12", field::entry_interruption_information, all,
         interruption::valid | interruption::external | bit(12) | 0x40},
        {"event: software interrupt of length 16", field::entry_interruption_information, all,
         interruption::valid | interruption::software_interrupt | 0x40},
    };
    Vcpu& vcpu = fresh();
    vmwrite(field::exit_msr_store_address, 8);  // counts are zero as yet, so that this does not matter yet
    constexpr u64 too_long =
        16;  // only read with an event that has a length; the longest instruction has 15 bytes
    vmwrite(field::entry_instruction_length, too_long);
    expect_refused(report, vcpu, changes, vm_error::entry_controls);
}

void bad_host_state(Report& report) {
    const Change changes[] = {
        {"CR0: NE clear", field::host_cr0, cr0_ne, 0},
        {"CR0: PG clear", field::host_cr0, bit(31), 0},
        {"CR4: VMXE clear", field::host_cr4, cr4_vmxe, 0},
        {"CR4: PAE clear", field::host_cr4, bit(5), 0},
        {"CR4: reserved bit 31", field::host_cr4, 0, bit(31)},
        {"CR3: beyond physical memory", field::host_cr3, 0, beyond_physical_memory()},
        {"CS: null", field::host_cs_selector, all, 0},
        {"CS: RPL 3", field::host_cs_selector, 0, 3},
        {"SS: RPL 3", field::host_ss_selector, 0, 3},
        {"DS: local table", field::host_ds_selector, 0, 4},
        {"ES: RPL 1", field::host_es_selector, 0, 1},
        {"FS: RPL 2", field::host_fs_selector, 0, 2},
        {"GS: local table", field::host_gs_selector, 0, 4},
        {"TR: null", field::host_tr_selector, all, 0},
        {"TR: RPL 3", field::host_tr_selector, 0, 3},
        {"FS base: not canonical", field::host_fs_base, 0, non_canonical},
        {"GS base: not canonical", field::host_gs_base, 0, non_canonical},
        {"TR base: not canonical", field::host_tr_base, 0, non_canonical},
        {"GDTR base: not canonical", field::host_gdtr_base, 0, non_canonical},
        {"IDTR base: not canonical", field::host_idtr_base, 0, non_canonical},
        {"SYSENTER_ESP: not canonical", field::host_sysenter_esp, 0, non_canonical},
        {"SYSENTER_EIP: not canonical", field::host_sysenter_eip, 0, non_canonical},
        {"RIP: not canonical", field::host_rip, 0, non_canonical},
        {"exit controls: host not 64-bit", field::exit_controls, exit_control::host_64bit, 0},
    };
    expect_refused(report, fresh(), changes, vm_error::entry_host_state);
}

void bad_host_msrs(Report& report) {
    const u32 wanted = exit_control::load_pat | exit_control::load_efer;
    if (!control_is_allowed(vmx_msr::exit, wanted))
        return report.skip("the exit cannot load PAT and EFER here");
    Vcpu& vcpu = fresh({.exit = wanted});
    constexpr u64 pat_reset = 0x0007040600070406, efer_long_mode = 0x500;
    vmwrite(field::host_pat, pat_reset);
    vmwrite(field::host_efer, rdmsr(msr_efer));
    const Change changes[] = {
        {"PAT: type 2", field::host_pat, 0xFF, 2},
        {"PAT: type 8", field::host_pat, bit(63), 0x0800000000000000},
        {"EFER: reserved bit 1", field::host_efer, 0, bit(1)},
        {"EFER: not in long mode", field::host_efer, efer_long_mode, 0},
    };
    expect_refused(report, vcpu, changes, vm_error::entry_host_state);
}

// Controls and host state come before guest state (SDM 3C 27.2, 27.3).
void checks_come_in_order(Report& report) {
    Vcpu& vcpu = fresh();
    vmwrite(field::guest_rflags, 0);
    const u64 tr = vmread(field::host_tr_selector);
    vmwrite(field::host_tr_selector, 0);
    Exit exit = vcpu.run();
    report.expect("host state first", vm_error::entry_host_state, exit.error);
    vmwrite(field::host_tr_selector, tr);
    exit = vcpu.run();
    report.expect("then guest state", reason::entry_failed | reason::invalid_guest_state, exit.reason);
}

void bad_guest_state(Report& report) {
    constexpr u64 present = bit(7), granularity = bit(15), system = bit(4);
    // Bochs 2.7 does not check that RIP is canonical, so that is not here.
    const Change changes[] = {
        {"CR0: NE clear", field::guest_cr0, cr0_ne, 0},
        {"CR4: VMXE clear", field::guest_cr4, cr4_vmxe, 0},
        {"CR4: PAE clear in a 64-bit guest", field::guest_cr4, bit(5), 0},
        {"CR4: reserved bit 31", field::guest_cr4, 0, bit(31)},
        {"CR3: beyond physical memory", field::guest_cr3, 0, beyond_physical_memory()},
        {"SYSENTER_ESP: not canonical", field::guest_sysenter_esp, 0, non_canonical},
        {"SYSENTER_EIP: not canonical", field::guest_sysenter_eip, 0, non_canonical},
        {"RFLAGS: bit 1 clear", field::guest_rflags, bit(1), 0},
        {"RFLAGS: bit 3 set", field::guest_rflags, 0, bit(3)},
        {"RFLAGS: VM in a 64-bit guest", field::guest_rflags, 0, bit(17)},
        {"CS: data segment", field::guest_cs_access, 0xF, 3},
        {"CS: not present", field::guest_cs_access, present, 0},
        {"CS: both D and L", field::guest_cs_access, 0, bit(14)},
        {"CS: system segment", field::guest_cs_access, system, 0},
        {"CS: limit against granularity", field::guest_cs_access, granularity, 0},
        {"SS: code segment", field::guest_ss_access, 0xF, 0xB},
        {"SS: reserved bit 8", field::guest_ss_access, 0, bit(8)},
        {"DS: not present", field::guest_ds_access, present, 0},
        {"ES: execute-only code", field::guest_es_access, 0xF, 9},
        {"TR: unusable", field::guest_tr_access, 0, bit(16)},
        {"TR: not busy", field::guest_tr_access, bit(1), 0},
        {"TR: local table", field::guest_tr_selector, 0, 4},
        {"TR base: not canonical", field::guest_tr_base, 0, non_canonical},
        {"GS base: not canonical", field::guest_gs_base, 0, non_canonical},
        {"GDTR base: not canonical", field::guest_gdtr_base, 0, non_canonical},
        {"IDTR base: not canonical", field::guest_idtr_base, 0, non_canonical},
        {"GDTR limit: more than 16 bits", field::guest_gdtr_limit, 0, 0x10000},
        {"IDTR limit: more than 16 bits", field::guest_idtr_limit, 0, 0x10000},
        {"activity: 4", field::guest_activity, all, 4},
        {"interruptibility: STI and MOV SS", field::guest_interruptibility, all, 3},
        {"interruptibility: STI with IF clear", field::guest_interruptibility, all, 1},
        {"interruptibility: reserved bit 5", field::guest_interruptibility, all, bit(5)},
        {"pending debug exceptions: reserved bit 4", field::guest_pending_debug, all, bit(4)},
        {"VMCS link pointer: misaligned", field::vmcs_link_pointer, all, misaligned},
        {"event: external interrupt with IF clear", field::entry_interruption_information, all,
         interruption::valid | interruption::external | 0x40},
    };
    // A state that is wrongly taken for good must not hang the run.
    const bool has_timer = control_is_allowed(vmx_msr::pin, pin::preemption_timer);
    Vcpu& vcpu = fresh({.pin = has_timer ? pin::preemption_timer : 0});
    if (has_timer) vmwrite(field::preemption_timer, watchdog_ticks);
    for (const Change& change : changes) {
        report.about(change.name);
        const u64 before = apply(change);
        const Exit exit = vcpu.run();
        report.expect_exit(exit, reason::entry_failed | reason::invalid_guest_state);
        const bool is_link = change.field.encoding == field::vmcs_link_pointer.encoding;
        constexpr u64 link_pointer_qualification = 4;
        report.expect("qualification", is_link ? link_pointer_qualification : 0, exit.qualification);
        vmwrite(change.field, before);
        vmwrite(field::entry_interruption_information,
                0);  // an entry that fails so late may have cleared the valid bit
        if (has_timer) vmwrite(field::preemption_timer, watchdog_ticks);
        expect_runs(report, vcpu);
    }
}

// A failed entry leaves guest state as it was, and the launch state clear.
void failed_entry_keeps_guest_state(Report& report) {
    Vcpu& vcpu = fresh();
    const u64 rip = vmread(field::guest_rip);
    vmwrite(field::guest_rsp, 0x1230);
    vmwrite(field::guest_rflags, 0);
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::entry_failed | reason::invalid_guest_state);
    report.expect("guest RIP", rip, vmread(field::guest_rip));
    report.expect("guest RSP", 0x1230, vmread(field::guest_rsp));
    report.expect("guest RFLAGS", 0, vmread(field::guest_rflags));
    vcpu.launched = true;
    report.expect("VMRESUME is refused", vm_error::resume_not_launched, vcpu.run().error);
    vcpu.launched = false;
}

void failing_msr_list(Report& report) {
    struct Entry {
        u32 number, reserved;
        u64 value;
    };
    alignas(16) static Entry list[3];
    Vcpu& vcpu = fresh();
    vmwrite(field::entry_msr_load_address, address_of(list));
    const u64 before = rdmsr(msr_kernel_gs_base);
    const Entry good = {msr_kernel_gs_base, 0, 0x1234};
    struct BadEntry {
        const char* name;
        Entry entry;
    };
    const BadEntry bad_entries[] = {
        {"FS base", {msr_fs_base, 0, 0}},
        {"GS base", {msr_gs_base, 0, 0}},
        {"reserved bits", {msr_kernel_gs_base, 1, 0}},
        {"a value that is not canonical", {msr_kernel_gs_base, 0, non_canonical}},
        {"an x2APIC register", {msr_x2apic_id, 0, 0}},
    };
    for (const auto& [name, bad] : bad_entries) {
        // Bochs 2.7 knows these registers only on processors that have an x2APIC.
        if (bad.number == msr_x2apic_id && (cpuid(cpuid_features).ecx & cpuid_ecx_x2apic) == 0) continue;
        report.about(name);
        list[0] = list[2] = good;
        list[1] = bad;
        vmwrite(field::entry_msr_load_count, 3);
        const Exit exit = vcpu.run();
        report.expect_exit(exit, reason::entry_failed | reason::msr_loading);
        report.expect("qualification: the entry's number", 2, exit.qualification);
    }
    wrmsr(msr_kernel_gs_base, before);
    vmwrite(field::entry_msr_load_count, 0);
    report.about("the VMCS as it was");
    report.expect_exit(vcpu.run(), reason::vmcall);
}

constexpr TestCase cases[] = {
    {"entry-error-7-controls", bad_controls},   {"entry-error-8-host-state", bad_host_state},
    {"entry-error-8-host-msrs", bad_host_msrs}, {"entry-checks-in-order", checks_come_in_order},
    {"entry-bad-guest-state", bad_guest_state}, {"entry-failure-keeps-state", failed_entry_keeps_guest_state},
    {"entry-msr-load-fails", failing_msr_list},
};

}  // namespace

constexpr Topic entry_tests = topic(cases);

}  // namespace micro
