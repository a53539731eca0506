#include "requirements.hpp"

#include <x86/msr.hpp>

#include "../hw/cpu.hpp"
#include "../trace/refuse.hpp"

namespace kurma::l0 {

namespace {

constexpr const char* models =
    "Bochs models that have it: corei5_arrandale_m520 and newer, such as corei7_haswell_4770";

u8 physical_address_width() {
    constexpr u32 leaf = 0x80000008;
    if (hw::cpuid(0x80000000).eax < leaf) return 36;
    return static_cast<u8>(hw::cpuid(leaf).eax & 0xff);
}

bool has_1g_pages() {
    constexpr u32 leaf = 0x80000001, page_1g = 1u << 26;
    return hw::cpuid(0x80000000).eax >= leaf && (hw::cpuid(leaf).edx & page_1g) != 0;
}

u64 msr_if(bool present, u32 msr) { return present ? hw::rdmsr(msr) : 0; }

}  // namespace

vmx::Capabilities read_capabilities() {
    using namespace x86::msr;
    vmx::Capabilities c{};
    c.basic = hw::rdmsr(vmx_basic);
    c.pin = {hw::rdmsr(vmx_pinbased_ctls)};
    c.primary = {hw::rdmsr(vmx_procbased_ctls)};
    c.exit = {hw::rdmsr(vmx_exit_ctls)};
    c.entry = {hw::rdmsr(vmx_entry_ctls)};
    c.misc = hw::rdmsr(vmx_misc);
    c.cr0_fixed0 = hw::rdmsr(vmx_cr0_fixed0);
    c.cr0_fixed1 = hw::rdmsr(vmx_cr0_fixed1);
    c.cr4_fixed0 = hw::rdmsr(vmx_cr4_fixed0);
    c.cr4_fixed1 = hw::rdmsr(vmx_cr4_fixed1);
    c.vmcs_enum = hw::rdmsr(vmx_vmcs_enum);
    c.secondary = {msr_if(c.has_secondary(), vmx_procbased_ctls2)};
    const bool ept_or_vpid = c.may(vmx::Secondary::enable_ept) || c.may(vmx::Secondary::enable_vpid);
    c.ept_vpid = msr_if(ept_or_vpid, vmx_ept_vpid_cap);
    c.vmfunc = msr_if(c.may(vmx::Secondary::enable_vm_functions), vmx_vmfunc);
    const bool has_true = c.has_true_controls();
    c.true_pin = {msr_if(has_true, vmx_true_pinbased_ctls)};
    c.true_primary = {msr_if(has_true, vmx_true_procbased_ctls)};
    c.true_exit = {msr_if(has_true, vmx_true_exit_ctls)};
    c.true_entry = {msr_if(has_true, vmx_true_entry_ctls)};
    c.physical_address_width = physical_address_width();
    c.paging_1g = has_1g_pages();
    return c;
}

void require_processor() {
    constexpr u32 cpuid_vmx = 1u << 5;
    if ((hw::cpuid(1).ecx & cpuid_vmx) == 0)
        refuse("this processor has no VMX; choose a model that has VMX, EPT and unrestricted guest. ",
               models);
    using namespace x86::msr::feature_control_bits;
    const u64 control = hw::rdmsr(x86::msr::feature_control);
    if ((control & locked) == 0)
        hw::wrmsr(x86::msr::feature_control, control | locked | vmx_outside_smx);
    else if ((control & vmx_outside_smx) == 0)
        refuse("the firmware has locked VMX off (IA32_FEATURE_CONTROL is ", log::Hex{control},
               "); switch virtualization on in its set-up");
}

void require_features(const vmx::Capabilities& host) {
    using vmx::Entry;
    using vmx::Exit;
    using vmx::Primary;
    using vmx::Secondary;
    if (!host.may(Secondary::enable_ept)) refuse("this processor's VMX has no EPT. ", models);
    if (!host.may(Secondary::unrestricted_guest))
        refuse("this processor's VMX has no unrestricted guest. ", models);
    if (!host.may(Primary::use_msr_bitmaps) || !host.may(Primary::use_io_bitmaps))
        refuse("this processor's VMX has no MSR or I/O bitmaps. ", models);
    if (!host.may(Exit::save_pat) || !host.may(Exit::load_pat) || !host.may(Entry::load_pat) ||
        !host.may(Exit::save_efer) || !host.may(Exit::load_efer) || !host.may(Entry::load_efer))
        refuse("this processor's VMX does not switch IA32_PAT and IA32_EFER. ", models);
    constexpr u64 needed = vmx::ept_vpid_cap::walk_length_4 | vmx::ept_vpid_cap::write_back |
                           vmx::ept_vpid_cap::invept | vmx::ept_vpid_cap::invept_single;
    if ((host.ept_vpid & needed) != needed)
        refuse("this processor's EPT lacks 4-level write-back tables or INVEPT (IA32_VMX_EPT_VPID_CAP is ",
               log::Hex{host.ept_vpid}, "). ", models);
}

}  // namespace kurma::l0
