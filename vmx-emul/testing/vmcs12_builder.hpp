// A vmcs12 that a 64-bit L1 may enter with: the point from which a test of a check changes one thing.
#pragma once

#include <vmx/nested.hpp>

#include "capability_sets.hpp"

namespace kurma::vmx::testing {

namespace sample {
inline constexpr u64 pat = 0x0007'0406'0007'0406;
inline constexpr u64 efer = 0xd01;  // SCE, LME, LMA, NXE
inline constexpr u64 host_cr0 = 0x8005'0033;
inline constexpr u64 host_cr4 = 0x2020;  // PAE, VMXE
inline constexpr u64 eptp = 0x7000 | 0x1e;
}  // namespace sample

/// For the given offered capabilities, which must include EPT, VPID, and the PAT and EFER controls.
inline Vmcs12 valid_vmcs12(const Capabilities& offered) {
    using namespace field;
    Vmcs12 v{};
    v.region = ept::L1Gpa{0x2000};
    v.set(pin_controls, {offered.true_pin.must_be_one() |
                         bits(Pin::external_interrupt_exiting, Pin::nmi_exiting, Pin::virtual_nmis)});
    v.set(primary_controls, {offered.true_primary.must_be_one() |
                             bits(Primary::hlt_exiting, Primary::use_msr_bitmaps, Primary::use_io_bitmaps,
                                  Primary::use_tpr_shadow, Primary::activate_secondary_controls)});
    v.set(secondary_controls,
          {offered.secondary.must_be_one() | bits(Secondary::enable_ept, Secondary::enable_vpid,
                                                  Secondary::enable_rdtscp, Secondary::unrestricted_guest)});
    v.set(exit_controls, {offered.true_exit.must_be_one() |
                          bits(Exit::save_debug_controls, Exit::host_address_space_size, Exit::save_pat,
                               Exit::load_pat, Exit::save_efer, Exit::load_efer)});
    v.set(entry_controls,
          {offered.true_entry.must_be_one() |
           bits(Entry::load_debug_controls, Entry::ia32e_mode_guest, Entry::load_pat, Entry::load_efer)});
    v.set(io_bitmap_a, 0x3000);
    v.set(io_bitmap_b, 0x4000);
    v.set(msr_bitmap, 0x5000);
    v.set(virtual_apic_address, 0x6000);
    v.set(apic_access_address, 0x8000);
    v.set(eptp, Eptp{sample::eptp});
    v.set(vpid, 1);
    v.set(vmcs_link_pointer, ~u64{0});

    v.set(guest_pat, sample::pat);
    v.set(guest_efer, sample::efer);
    v.set(guest_dr7, 0x400);

    v.set(host_cr0, sample::host_cr0);
    v.set(host_cr3, 0x10'0000);
    v.set(host_cr4, sample::host_cr4);
    v.set(host_pat, sample::pat);
    v.set(host_efer, sample::efer);
    v.set(host_cs_selector, 0x10);
    v.set(host_ss_selector, 0x18);
    v.set(host_ds_selector, 0x20);
    v.set(host_es_selector, 0x28);
    v.set(host_fs_selector, 0x30);
    v.set(host_gs_selector, 0x38);
    v.set(host_tr_selector, 0x40);
    v.set(host_fs_base, 0x0000'7f00'0000'1000);
    v.set(host_gs_base, 0xffff'8880'0000'2000);
    v.set(host_tr_base, 0xffff'fe00'0000'3000);
    v.set(host_gdtr_base, 0xffff'fe00'0000'1000);
    v.set(host_idtr_base, 0xffff'fe00'0000'0000);
    v.set(host_sysenter_cs, 0x10);
    v.set(host_sysenter_esp, 0xffff'fe00'0000'4000);
    v.set(host_sysenter_eip, 0xffff'ffff'8180'0000);
    v.set(host_rsp, 0xffff'c900'0000'5000);
    v.set(host_rip, 0xffff'ffff'8190'0000);
    return v;
}

/// The same for a 32-bit L1: a host outside of IA-32e mode, and an L2 like it.
inline Vmcs12 valid_32_bit_vmcs12(const Capabilities& offered) {
    using namespace field;
    Vmcs12 v = valid_vmcs12(offered);
    v.set(exit_controls, v.get(exit_controls).without(Exit::host_address_space_size));
    v.set(entry_controls, v.get(entry_controls).without(Entry::ia32e_mode_guest));
    v.set(host_efer, 0x800);
    v.set(guest_efer, 0x800);
    v.set(host_rip, 0xc010'0000);
    v.set(host_rsp, 0xc020'0000);
    return v;
}

}  // namespace kurma::vmx::testing
