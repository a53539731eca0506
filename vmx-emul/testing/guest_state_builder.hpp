// Guest states that an L1 may enter: the points from which a test of a check changes one thing. Each has
// every guest-state field in the image, as the checks want it.
#pragma once

#include <vmx/check.hpp>

#include "vmcs12_builder.hpp"

namespace kurma::vmx::testing {

namespace sample {
inline constexpr u64 guest_cr0 = 0x8005'0033;
inline constexpr u64 guest_cr4 = 0x2020;  // PAE, VMXE
inline constexpr u64 guest_rip = 0xffff'ffff'8100'0000;
inline constexpr u32 code_64 = 0xa09b, code_32 = 0xc09b, code_16 = 0x009b, data = 0xc093, data_16 = 0x0093,
                     tss = 0x008b, v8086 = 0x00f3, unusable = 0x1'0000;
}  // namespace sample

/// The same base, limit and access rights for ES, SS, DS, FS and GS.
inline void set_data_segments(Vmcs12& v, u32 limit, u32 rights) {
    using namespace field;
    const auto set = [&](auto limit_field, auto rights_field) {
        v.set(limit_field, limit);
        v.set(rights_field, {rights});
    };
    set(guest_es_limit, guest_es_access_rights);
    set(guest_ss_limit, guest_ss_access_rights);
    set(guest_ds_limit, guest_ds_access_rights);
    set(guest_fs_limit, guest_fs_access_rights);
    set(guest_gs_limit, guest_gs_access_rights);
}

/// As real mode and virtual-8086 mode have it: each base is the selector times 16.
inline void set_bases_from_selectors(Vmcs12& v) {
    using namespace field;
    const auto set = [&](auto base, auto selector) { v.set(base, u64{v.get(selector)} << 4); };
    set(guest_cs_base, guest_cs_selector);
    set(guest_es_base, guest_es_selector);
    set(guest_ss_base, guest_ss_selector);
    set(guest_ds_base, guest_ds_selector);
    set(guest_fs_base, guest_fs_selector);
    set(guest_gs_base, guest_gs_selector);
}

/// A kernel in 64-bit mode, with the controls of `valid_vmcs12`: an unrestricted guest with EPT.
inline Vmcs12 valid_64_bit_guest(const Capabilities& offered) {
    using namespace field;
    Vmcs12 v = valid_vmcs12(offered);
    v.set(guest_cr0, sample::guest_cr0);
    v.set(guest_cr3, 0x20'0000);
    v.set(guest_cr4, sample::guest_cr4);
    v.set(guest_cs_selector, 0x10);
    v.set(guest_cs_limit, 0xffff'ffff);
    v.set(guest_cs_access_rights, {sample::code_64});
    v.set(guest_ss_selector, 0x18);
    v.set(guest_ds_selector, 0x18);
    v.set(guest_es_selector, 0x18);
    v.set(guest_fs_selector, 0x18);
    v.set(guest_gs_selector, 0x18);
    set_data_segments(v, 0xffff'ffff, sample::data);
    v.set(guest_fs_base, 0x0000'7f00'0000'1000);
    v.set(guest_gs_base, 0xffff'8880'0000'2000);
    v.set(guest_tr_selector, 0x40);
    v.set(guest_tr_base, 0xffff'fe00'0000'3000);
    v.set(guest_tr_limit, 0x67);
    v.set(guest_tr_access_rights, {sample::tss});
    v.set(guest_ldtr_access_rights, {sample::unusable});
    v.set(guest_gdtr_base, 0xffff'fe00'0000'1000);
    v.set(guest_gdtr_limit, 0x7f);
    v.set(guest_idtr_base, 0xffff'fe00'0000'0000);
    v.set(guest_idtr_limit, 0xfff);
    v.set(guest_sysenter_esp, 0xffff'fe00'0000'4000);
    v.set(guest_sysenter_eip, 0xffff'ffff'8180'0000);
    v.set(guest_rip, sample::guest_rip);
    v.set(guest_rsp, 0xffff'c900'0000'5000);
    v.set(guest_rflags, 0x202);
    return v;
}

/// A kernel in 32-bit mode with PAE paging, its PDPTEs in the fields.
inline Vmcs12 valid_32_bit_guest(const Capabilities& offered) {
    using namespace field;
    Vmcs12 v = valid_64_bit_guest(offered);
    v.set(entry_controls, v.get(entry_controls).without(Entry::ia32e_mode_guest));
    v.set(guest_efer, 0x800);
    v.set(guest_cs_access_rights, {sample::code_32});
    v.set(guest_pdpte0, 0x1001);
    v.set(guest_pdpte1, 0x2001);
    v.set(guest_pdpte2, 0x3001);
    v.set(guest_pdpte3, 0x4001);
    v.set(guest_rip, 0xc010'0000);
    v.set(guest_rsp, 0xc020'0000);
    return v;
}

/// What an unrestricted guest starts as: real mode, CS a data segment.
inline Vmcs12 valid_real_mode_guest(const Capabilities& offered) {
    using namespace field;
    Vmcs12 v = valid_32_bit_guest(offered);
    v.set(guest_cr0, 0x30);
    v.set(guest_cr4, 0x2000);
    v.set(guest_efer, 0);
    v.set(guest_cs_selector, 0xf000);
    set_bases_from_selectors(v);
    v.set(guest_cs_limit, 0xffff);
    v.set(guest_cs_access_rights, {sample::data_16});
    set_data_segments(v, 0xffff, sample::data_16);
    v.set(guest_rip, 0xfff0);
    v.set(guest_rsp, 0x7000);
    v.set(guest_rflags, 0x2);
    return v;
}

/// A virtual-8086 task of a 32-bit kernel.
inline Vmcs12 valid_virtual_8086_guest(const Capabilities& offered) {
    using namespace field;
    Vmcs12 v = valid_32_bit_guest(offered);
    v.set(guest_cs_selector, 0x1000);
    set_bases_from_selectors(v);
    v.set(guest_cs_limit, 0xffff);
    v.set(guest_cs_access_rights, {sample::v8086});
    set_data_segments(v, 0xffff, sample::v8086);
    v.set(guest_rip, 0x100);
    v.set(guest_rsp, 0xfffe);
    v.set(guest_rflags, 0x2'0202);
    return v;
}

/// The same guest without the freedom of an unrestricted one.
inline Vmcs12 restricted(Vmcs12 v) {
    v.set(field::secondary_controls, v.get(field::secondary_controls).without(Secondary::unrestricted_guest));
    return v;
}

}  // namespace kurma::vmx::testing
