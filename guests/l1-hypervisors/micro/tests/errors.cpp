// VMfailInvalid, and every VM-instruction error number that this L1 can provoke (SDM 3C 31.2, 31.4).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "kurma/control_call.hpp"
#include "tests/forms.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u64 misaligned = 0x10;
constexpr u64 no_field = 0x6FFE;  // natural-width host field number 1023
constexpr u32 cpuid_address_sizes = 0x80000008;

Page spare;

u64 beyond_physical_memory() { return u64{1} << (cpuid(cpuid_address_sizes).eax & 0xFF); }
u64 run_form(MemoryForm* form, u64 pointer) { return form(address_of(&pointer), 0); }

void load_vmcs() {
    test_vcpu().build(reinterpret_cast<const void*>(&l2_finish));
    prepare_region(spare);
}

void no_current_vmcs(Report& report) {
    prepare_region(spare);
    const MemoryForms& form = memory_forms[0];
    u64 value = 0;
    report.about("vmread");
    report.expect_fail_invalid(form.vmread(address_of(&value), field::guest_rip.encoding));
    report.about("vmwrite");
    report.expect_fail_invalid(form.vmwrite(address_of(&value), field::guest_rip.encoding));
    report.about("vmlaunch");
    report.expect_fail_invalid(form_vmlaunch());
    report.about("vmresume");
    report.expect_fail_invalid(form_vmresume());
    report.about("vmcall");
    report.expect_fail_invalid(form_vmcall(0));
    report.about("vmclear of a bad address");
    report.expect_fail_invalid(run_form(form.vmclear, misaligned));
    report.about("vmclear of the VMXON pointer");
    report.expect_fail_invalid(run_form(form.vmclear, vmxon_region()));
    report.about("vmptrld of a bad address");
    report.expect_fail_invalid(run_form(form.vmptrld, misaligned));
    report.about("vmxon in root");
    report.expect_fail_invalid(run_form(form.vmxon, vmxon_region()));
    report.about("unsupported field");
    report.expect_fail_invalid(form.vmread(address_of(&value), no_field));
    report.about("invept");
    InvalidationDescriptor descriptor = {misaligned, 0};
    report.expect_fail_invalid(form.invept(address_of(&descriptor), 99));
    report.about("vmclear of another region succeeds");
    report.expect_success(run_form(form.vmclear, spare.address()));
}

// Bochs 2.7 takes it for the activation of the dual-monitor treatment, which it does not have, and stops.
void vmcall_in_root(Report& report) {
    if (!kurma_is_present()) return report.skip("Bochs 2.7 panics on VMCALL in VMX root operation");
    load_vmcs();
    report.expect_fail_valid(form_vmcall(0), vm_error::vmcall_in_root);
}

void vmclear_errors(Report& report) {
    load_vmcs();
    const MemoryForms& form = memory_forms[0];
    report.expect_fail_valid(run_form(form.vmclear, spare.address() + misaligned), vm_error::vmclear_address);
    report.expect_fail_valid(run_form(form.vmclear, beyond_physical_memory()), vm_error::vmclear_address);
    report.expect_fail_valid(run_form(form.vmclear, bit(63)), vm_error::vmclear_address);
    report.expect_fail_valid(run_form(form.vmclear, vmxon_region()), vm_error::vmclear_vmxon_pointer);
}

void vmptrld_errors(Report& report) {
    load_vmcs();
    const MemoryForms& form = memory_forms[0];
    report.expect_fail_valid(run_form(form.vmptrld, spare.address() + misaligned), vm_error::vmptrld_address);
    report.expect_fail_valid(run_form(form.vmptrld, beyond_physical_memory()), vm_error::vmptrld_address);
    report.expect_fail_valid(run_form(form.vmptrld, vmxon_region()), vm_error::vmptrld_vmxon_pointer);
    *at_address<u32>(spare.address()) = vmcs_revision() + 1;
    report.expect_fail_valid(run_form(form.vmptrld, spare.address()), vm_error::vmptrld_revision);
    u64 pointer = 0;
    report.expect("VMPTRST works", vmptrst(pointer).succeeded());
    report.expect("the current VMCS stays", test_vcpu().region.address(), pointer);
}

// A region with the shadow indicator is refused where "VMCS shadowing" is not offered (SDM 3C 31.3, VMPTRLD).
void vmptrld_of_shadow_vmcs(Report& report) {
    load_vmcs();
    constexpr u32 shadow_indicator = 1u << 31;
    *at_address<u32>(spare.address()) = vmcs_revision() | shadow_indicator;
    const bool offered = control_is_allowed(vmx_msr::secondary, secondary::vmcs_shadowing);
    const u64 flags = run_form(memory_forms[0].vmptrld, spare.address());
    if (offered) {
        report.expect_success(flags);
    } else {
        report.expect_fail_valid(flags, vm_error::vmptrld_revision);
    }
}

void launch_state_errors(Report& report) {
    load_vmcs();
    report.expect_fail_valid(form_vmresume(), vm_error::resume_not_launched);
    report.expect_exit(test_vcpu().run(), reason::vmcall);
    report.expect_fail_valid(form_vmlaunch(), vm_error::launch_not_clear);
    report.expect("VMCLEAR works", vmclear(test_vcpu().region.address()).succeeded());
    test_vcpu().make_current();
    report.expect_fail_valid(form_vmresume(), vm_error::resume_not_launched);
}

void unsupported_fields(Report& report) {
    load_vmcs();
    u64 value = 0;
    const MemoryForms& form = memory_forms[0];
    const u64 high_half_of_32_bit_field = field::pin_controls.encoding | 1;
    for (const u64 encoding : {no_field, high_half_of_32_bit_field, u64{0x8000}, u64{0xFFFFFFFF}}) {
        report.expect_fail_valid(form.vmread(address_of(&value), encoding), vm_error::unsupported_field);
        report.expect_fail_valid(form.vmwrite(address_of(&value), encoding), vm_error::unsupported_field);
    }
    // In 64-bit mode the whole register counts (SDM 3C 31.3): garbage above bit 31 is no field either.
    const u64 garbage_above = bit(40) | field::guest_rip.encoding;
    report.about("garbage above bit 31");
    report.expect_fail_valid(form.vmread(address_of(&value), garbage_above), vm_error::unsupported_field);
    report.expect_fail_valid(form.vmwrite(address_of(&value), garbage_above), vm_error::unsupported_field);
}

void read_only_fields(Report& report) {
    load_vmcs();
    u64 value = 0;
    const bool writable = (rdmsr(vmx_msr::misc) & vmx_msr::misc_vmwrite_any_field) != 0;
    for (const NamedField& named : all_fields) {
        if (!named.field.is_read_only()) continue;
        report.about(named.name);
        const u64 flags = memory_forms[0].vmwrite(address_of(&value), named.field.encoding);
        if (writable) {
            report.expect_success(flags);
        } else {
            report.expect_fail_valid(flags, vm_error::read_only_field);
        }
    }
}

void vmxon_in_root(Report& report) {
    load_vmcs();
    report.expect_fail_valid(run_form(memory_forms[0].vmxon, vmxon_region()), vm_error::vmxon_in_root);
    report.expect_fail_valid(run_form(memory_forms[0].vmxon, misaligned), vm_error::vmxon_in_root);
}

void vmxon_refuses_bad_regions(Report& report) {
    leave_vmx_operation();
    write_cr4(read_cr4() | cr4_vmxe);
    prepare_region(spare);
    const MemoryForms& form = memory_forms[0];
    report.expect_fail_invalid(run_form(form.vmxon, spare.address() + misaligned));
    report.expect_fail_invalid(run_form(form.vmxon, beyond_physical_memory()));
    *at_address<u32>(spare.address()) = vmcs_revision() + 1;
    report.expect_fail_invalid(run_form(form.vmxon, spare.address()));
    *at_address<u32>(spare.address()) = vmcs_revision() | 1u << 31;
    report.expect_fail_invalid(run_form(form.vmxon, spare.address()));
    u64 pointer = 0;
    report.expect_fault(guarded([&] { static_cast<void>(vmptrst(pointer)); }), vector_ud, 0);
}

void entry_after_mov_ss(Report& report) {
    load_vmcs();
    report.expect_fail_valid(form_vmlaunch_after_mov_ss(), vm_error::entry_mov_ss_blocking);
}

void invalidation_types(Report& report) {
    load_vmcs();
    InvalidationDescriptor descriptor = {};
    const u64 at = address_of(&descriptor);
    const MemoryForms& form = memory_forms[0];
    for (const u64 type : {u64{0}, u64{3}, u64{4}, bit(31), bit(32) - 1}) {
        descriptor = {test_vcpu().ept.pointer(), 0};
        report.about("invept of a type that does not exist");
        report.expect_fail_valid(form.invept(at, type), vm_error::invalidation_operand);
    }
    const u64 capability = rdmsr(vmx_msr::ept_vpid);
    report.about("invept, all contexts");
    if ((capability & vmx_msr::invept_all) != 0) report.expect_success(form.invept(at, 2));
    report.about("invept, EPTP with a bad memory type");
    descriptor = {test_vcpu().ept.pointer() | 7, 0};
    report.expect_fail_valid(form.invept(at, 1), vm_error::invalidation_operand);

    report.about("invvpid");
    descriptor = {1, 0x1000};
    if ((capability & vmx_msr::invvpid_individual) != 0) report.expect_success(form.invvpid(at, 0));
    if ((capability & vmx_msr::invvpid_single) != 0) report.expect_success(form.invvpid(at, 1));
    if ((capability & vmx_msr::invvpid_all) != 0) report.expect_success(form.invvpid(at, 2));
    report.expect_fail_valid(form.invvpid(at, 4), vm_error::invalidation_operand);
    report.about("invvpid of VPID 0");
    descriptor = {0, 0};
    report.expect_fail_valid(form.invvpid(at, 1), vm_error::invalidation_operand);
    report.about("invvpid of a non-canonical address");
    descriptor = {1, bit(62)};
    report.expect_fail_valid(form.invvpid(at, 0), vm_error::invalidation_operand);
    report.about("invvpid with reserved bits");
    descriptor = {bit(16) | 1, 0};
    report.expect_fail_valid(form.invvpid(at, 1), vm_error::invalidation_operand);
}

constexpr TestCase cases[] = {
    {"fail-invalid-without-vmcs", no_current_vmcs},
    {"error-1-vmcall-in-root", vmcall_in_root},
    {"error-2-3-vmclear", vmclear_errors},
    {"error-9-10-11-vmptrld", vmptrld_errors},
    {"vmptrld-shadow-indicator", vmptrld_of_shadow_vmcs},
    {"error-4-5-launch-state", launch_state_errors},
    {"error-12-unsupported-field", unsupported_fields},
    {"error-13-read-only-field", read_only_fields},
    {"error-15-vmxon-in-root", vmxon_in_root},
    {"vmxon-bad-regions", vmxon_refuses_bad_regions},
    {"error-26-mov-ss-blocking", entry_after_mov_ss},
    {"error-28-invalidation", invalidation_types},
};

}  // namespace

constexpr Topic error_tests = topic(cases);

}  // namespace micro
