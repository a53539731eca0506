#include "vmx/operation.hpp"

#include "console/console.hpp"
#include "cpu/instructions.hpp"
#include "vmx/instructions.hpp"

namespace kit {
namespace {

constexpr u32 cpuid_features = 1, cpuid_ecx_vmx = 1 << 5;
constexpr u32 revision_mask = 0x7FFFFFFF;

Page vmxon_page;

}  // namespace

u32 vmcs_revision() { return static_cast<u32>(rdmsr(vmx_msr::basic)) & revision_mask; }
u64 vmxon_region() { return vmxon_page.address(); }

void prepare_region(Page& page) {
    page.clear();
    *at_address<u32>(page.address()) = vmcs_revision();
}

void give_up_on(const char* instruction, Field field) {
    print(program_name, ": ", instruction, " of field ", hex(field.encoding), " failed\n");
    give_up("a field that the program needs is missing");
}

bool ept_is_offered() {
    return control_is_allowed(vmx_msr::primary, primary::secondary) &&
           control_is_allowed(vmx_msr::secondary, secondary::ept);
}

bool enter_vmx_operation() {
    if ((cpuid(cpuid_features).ecx & cpuid_ecx_vmx) == 0) {
        print(program_name, ": this processor has no VMX\n");
        return false;
    }
    const u64 feature = rdmsr(msr_feature_control);
    if ((feature & feature_control::locked) == 0) {
        wrmsr(msr_feature_control, feature | feature_control::locked | feature_control::vmx_outside_smx);
    } else if ((feature & feature_control::vmx_outside_smx) == 0) {
        print(program_name, ": VMX is locked off in IA32_FEATURE_CONTROL\n");
        return false;
    }
    if (!ept_is_offered()) {
        print(program_name, ": this processor has no EPT, which its L2s need\n");
        return false;
    }
    write_cr0((read_cr0() | rdmsr(vmx_msr::cr0_fixed0)) & rdmsr(vmx_msr::cr0_fixed1));
    write_cr4((read_cr4() | rdmsr(vmx_msr::cr4_fixed0)) & rdmsr(vmx_msr::cr4_fixed1));
    prepare_region(vmxon_page);
    if (!vmxon(vmxon_region()).succeeded()) {
        print(program_name, ": VMXON failed\n");
        return false;
    }
    return true;
}

void leave_vmx_operation() {
    if (!vmxoff().succeeded()) give_up("VMXOFF failed");
    write_cr4(read_cr4() & ~cr4_vmxe);
}

bool control_is_allowed(u32 plain_msr, u32 wanted) { return (wanted & ~(rdmsr(plain_msr) >> 32)) == 0; }

u32 adjusted_control(u32 plain_msr, u32 true_msr, u32 wanted) {
    const bool has_true = (rdmsr(vmx_msr::basic) & vmx_msr::basic_true_controls) != 0;
    const u64 allowed = rdmsr(has_true ? true_msr : plain_msr);
    const u32 must_be_one = static_cast<u32>(allowed), may_be_one = static_cast<u32>(allowed >> 32);
    if ((wanted & ~may_be_one) != 0) {
        print(program_name, ": MSR ", hex(plain_msr), " does not allow ", hex(wanted & ~may_be_one), "\n");
        give_up("a needed VMX control is missing");
    }
    return wanted | must_be_one;
}

}  // namespace kit
