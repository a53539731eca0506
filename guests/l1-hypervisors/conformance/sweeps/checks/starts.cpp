#include "sweeps/checks/starts.hpp"

#include "cpu/instructions.hpp"
#include "l2/l2.hpp"

namespace conformance::checks {
namespace {

// Ends a guest that goes astray; none that behaves lives half as long.
constexpr u64 watchdog_ticks = 100000;

constexpr u64 present_writable = 3, user = 4, large = bit(7);
constexpr u64 large_legacy_page = 4 * 1024 * 1024;
constexpr u64 low_code_address = 0x8000, low_code_page = low_code_address / page_size;
constexpr u32 access_code32 = 0xC09B, access_real_code = 0x9B, access_real_data = 0x93, access_v86 = 0xF3;
constexpr u32 real_limit = 0xFFFF;
constexpr u64 rflags_iopl3 = 3 << 12;

// VMCALL in whatever mode, for guests that cannot reach the program's own code.
Page low_code;
alignas(page_size) u32 legacy_directory[1024], legacy_table[1024];
alignas(page_size) u64 pae_directories[4][512];
alignas(page_size) u64 pae_pointers[512];

constexpr struct {
    Field selector, base, limit, access;
} code_and_data[] = {
#define S(name)                                                                                  \
    {                                                                                            \
        field::guest_##name##_selector, field::guest_##name##_base, field::guest_##name##_limit, \
            field::guest_##name##_access                                                         \
    }
    S(cs), S(ss), S(ds), S(es), S(fs), S(gs)};
#undef S

Vcpu& build_64bit(u32 secondary_controls) {
    constexpr u32 entry = entry_control::load_debug | entry_control::load_pat | entry_control::load_efer;
    Vcpu& vcpu = fresh_furnished(
        &l2_finish, {.pin = pin::preemption_timer & allowed_ones(vmx_msr::pin, vmx_msr::true_pin),
                     .secondary = secondary_controls & allowed_ones(vmx_msr::secondary, vmx_msr::secondary),
                     .exit = (exit_control::load_pat | exit_control::load_efer) &
                             allowed_ones(vmx_msr::exit, vmx_msr::true_exit),
                     .entry = entry & allowed_ones(vmx_msr::entry, vmx_msr::true_entry)});
    write_if_present(field::preemption_timer, watchdog_ticks);
    return vcpu;
}

Vcpu& build_long_mode() { return build_64bit(0); }
Vcpu& build_unrestricted() { return build_64bit(secondary::unrestricted_guest); }

Vcpu& build_everything() { return fresh_with_everything(&l2_finish); }

Vcpu& build_compatibility() {
    Vcpu& vcpu = build_64bit(0);
    vmwrite(field::guest_cs_access, access_code32);
    return vcpu;
}

void leave_long_mode() {
    apply({{field::entry_controls, entry_control::guest_64bit, 0},
           replace(field::guest_efer, 0),
           replace(field::guest_cs_access, access_code32)});
}

void write_low_code() {
    constexpr u8 vmcall_for_ever[] = {0x0F, 0x01, 0xC1, 0xEB, 0xFB};
    for (usize i = 0; i < sizeof vmcall_for_ever; ++i) low_code.bytes[i] = vmcall_for_ever[i];
}

// Four GiB as they are, but for the page of the low code.
u64 legacy_page_tables() {
    write_low_code();
    constexpr u64 all = present_writable | user;
    for (u64 i = 0; i < 1024; ++i) {
        legacy_directory[i] = static_cast<u32>(i * large_legacy_page | all | large);
        legacy_table[i] = static_cast<u32>(i * page_size | all);
    }
    legacy_directory[0] = static_cast<u32>(address_of(legacy_table) | all);
    legacy_table[low_code_page] = static_cast<u32>(low_code.address() | all);
    return address_of(legacy_directory);
}

Vcpu& build_legacy() {
    Vcpu& vcpu = build_64bit(0);
    leave_long_mode();
    apply({{field::guest_cr4, cr4_pae, cr4_pse}, replace(field::guest_cr3, legacy_page_tables())});
    return vcpu;
}

Vcpu& build_pae() {
    Vcpu& vcpu = build_64bit(0);
    leave_long_mode();
    const Field fields[] = {field::guest_pdpte_0, field::guest_pdpte_1, field::guest_pdpte_2,
                            field::guest_pdpte_3};
    for (u64 i = 0; i < 4; ++i) {
        for (u64 j = 0; j < 512; ++j)
            pae_directories[i][j] = (i * 512 + j) * large_page_size | present_writable | large;
        pae_pointers[i] = address_of(pae_directories[i]) | bit(0);
        vmwrite(fields[i], pae_pointers[i]);
    }
    vmwrite(field::guest_cr3, address_of(pae_pointers));
    return vcpu;
}

Vcpu& build_flat() {
    Vcpu& vcpu = build_64bit(secondary::unrestricted_guest);
    leave_long_mode();
    apply({{field::guest_cr0, cr0_pg, 0}, {field::guest_cr4, cr4_pae, 0}});
    return vcpu;
}

// An event in real mode would be delivered through the 64-bit guest's IDT, to nowhere: the table is empty.
Vcpu& build_real() {
    Vcpu& vcpu = build_flat();
    write_low_code();
    apply({{field::guest_cr0, cr0_pe, 0}});
    for (const auto& segment : code_and_data) {
        vmwrite(segment.selector, 0);
        vmwrite(segment.base, 0);
        vmwrite(segment.limit, real_limit);
        vmwrite(segment.access, access_real_data);
    }
    vmwrite(field::guest_cs_access, access_real_code);
    vmwrite(field::guest_cs_base, low_code.address());
    vmwrite(field::guest_rip, 0);
    vmwrite(field::guest_idtr_limit, 0);
    return vcpu;
}

Vcpu& build_virtual8086() {
    Vcpu& vcpu = build_legacy();
    for (const auto& segment : code_and_data) {
        vmwrite(segment.selector, low_code_address >> 4);
        vmwrite(segment.base, low_code_address);
        vmwrite(segment.limit, real_limit);
        vmwrite(segment.access, access_v86);
    }
    vmwrite(field::guest_rip, 0);
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_vm | rflags_iopl3);
    return vcpu;
}

}  // namespace

const Start long_mode = {"long", &build_long_mode, true};
const Start everything = {"everything", &build_everything, true};
const Start unrestricted = {"unrestricted", &build_unrestricted, true};
const Start compatibility = {"compatibility", &build_compatibility, true};
const Start pae = {"pae", &build_pae, false};
const Start legacy = {"legacy", &build_legacy, false};
const Start flat = {"flat", &build_flat, false};
const Start real = {"real", &build_real, false};
const Start virtual8086 = {"v86", &build_virtual8086, false};

const Start* const guests[] = {&long_mode, &unrestricted, &compatibility, &pae,
                               &legacy,    &flat,         &real,          &virtual8086};
const usize guest_count = sizeof guests / sizeof *guests;
const Start* const main_guests[] = {&long_mode, &legacy, &real, &virtual8086};
const usize main_guest_count = sizeof main_guests / sizeof *main_guests;

}  // namespace conformance::checks
