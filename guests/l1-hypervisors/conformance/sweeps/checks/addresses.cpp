// Each address that a control gives a meaning: alignment, and bits beyond the processor's physical addresses
// (SDM 3C 27.2.1). Its control is on, and once off: then nothing looks at it.
#include "cpu/instructions.hpp"
#include "sweeps/checks/starts.hpp"
#include "vmx/operation.hpp"

namespace conformance::checks {
namespace {

struct Address {
    const char* name;
    Field field;
    u32 primary, secondary;
    bool eptp_switching;
};

constexpr Address addresses[] = {
    {"io-bitmap-a", field::io_bitmap_a, primary::io_bitmaps, 0, false},
    {"io-bitmap-b", field::io_bitmap_b, primary::io_bitmaps, 0, false},
    {"msr-bitmap", field::msr_bitmap, primary::msr_bitmaps, 0, false},
    {"virtual-apic", field::virtual_apic_address, primary::tpr_shadow, 0, false},
    {"apic-access", field::apic_access_address, 0, secondary::apic_accesses, false},
    {"page-log", field::pml_address, 0, secondary::page_log, false},
    {"vmread-bitmap", field::vmread_bitmap, 0, secondary::vmcs_shadowing, false},
    {"vmwrite-bitmap", field::vmwrite_bitmap, 0, secondary::vmcs_shadowing, false},
    {"virtualization-exception", field::ve_information_address, 0, secondary::virtualization_exceptions,
     false},
    {"eptp-list", field::eptp_list_address, 0, secondary::vm_functions, true},
};

bool exists(const Address& a) {
    return control_is_allowed(vmx_msr::primary, a.primary) &&
           control_is_allowed(vmx_msr::secondary, a.secondary);
}

void use(const Address& a) {
    apply({{field::primary_controls, 0, a.primary}, {field::secondary_controls, 0, a.secondary}});
    if (a.eptp_switching) vmwrite(field::vm_function_controls, 1);
}

void check_address(const Address& a) {
    if (!exists(a)) return print_absent(topic, Text("address-", a.name));
    const auto flip = [&](unsigned number) {
        check(long_mode, Text(a.name, "-bit-", number), [&] {
            use(a);
            vmwrite(a.field, vmread(a.field) ^ bit(number));
        });
    };
    for (unsigned number = 0; number < 12; ++number) flip(number);
    for (unsigned number = physical_width(); number < 64; ++number) flip(number);
    check(long_mode, Text(a.name, "-off"), [&] {
        apply({{field::primary_controls, a.primary, 0},
               {field::secondary_controls, a.secondary, 0},
               replace(a.field, whole)});
    });
}

struct Area {
    const char* name;
    Field address, count;
};

constexpr Area areas[] = {
    {"exit-store", field::exit_msr_store_address, field::exit_msr_store_count},
    {"exit-load", field::exit_msr_load_address, field::exit_msr_load_count},
    {"entry-load", field::entry_msr_load_address, field::entry_msr_load_count},
};

// An entry's MSR with which loading and storing does no harm.
constexpr u64 area_entry_bytes = 16;

void fill_area() {
    for (u64 i = 0; i < page_size / area_entry_bytes; ++i)
        *at_address<u32>(furniture().msr_areas.address() + i * area_entry_bytes) = msr_kernel_gs_base;
}

// Aligned to 16 bytes, and neither the first nor the last byte beyond physical memory's width. A store or
// load that fails during an exit would be a VM abort: addresses that pass the check are real memory.
void check_area(const Area& area) {
    const auto flip = [&](unsigned number, u64 count) {
        check(long_mode, Text(area.name, "-count-", count, "-bit-", number), [&] {
            fill_area();
            vmwrite(area.count, count);
            vmwrite(area.address, vmread(area.address) ^ bit(number));
        });
    };
    for (unsigned number = 0; number < 4; ++number)
        for (const u64 count : {0u, 1u}) flip(number, count);
    for (unsigned number = physical_width(); number < 64; ++number) flip(number, 1);
    check(long_mode, Text(area.name, "-last-byte-beyond"), [&] {
        vmwrite(area.count, 2);
        vmwrite(area.address, bit(physical_width()) - area_entry_bytes);
    });
    for (const u64 count : {1u, 2u, 16u})
        check(long_mode, Text(area.name, "-count-", count), [&] {
            fill_area();
            vmwrite(area.count, count);
        });
}

}  // namespace

void address_checks() {
    for (const Address& address : addresses) check_address(address);
    for (const Area& area : areas) check_area(area);
}

}  // namespace conformance::checks
