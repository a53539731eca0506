// VMCSs as memory: what is written is read back, across VMCLEAR and VMPTRLD, and between many VMCSs.
#include "cpu/instructions.hpp"
#include "tests/cookies.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u64 vmcs_count = 24;
constinit Page regions[vmcs_count] = {};
Page cookie_region;

void cookies_survive(Report& report) {
    use(report, cookie_region);
    write_cookies(report, 0);
    expect_cookies(report, 0);
    report.expect("VMCLEAR", vmclear(cookie_region.address()).succeeded());
    use(report, regions[0]);
    write_cookies(report, 1);
    report.expect("VMPTRLD", vmptrld(cookie_region.address()).succeeded());
    expect_cookies(report, 0);
    report.expect("VMPTRLD", vmptrld(regions[0].address()).succeeded());
    expect_cookies(report, 1);
}

void cookies_survive_vmxoff(Report& report) {
    use(report, cookie_region);
    write_cookies(report, 5);
    report.expect("VMCLEAR", vmclear(cookie_region.address()).succeeded());
    leave_vmx_operation();
    report.expect("VMXON again", enter_vmx_operation());
    report.expect("VMPTRLD", vmptrld(cookie_region.address()).succeeded());
    expect_cookies(report, 5);
}

// What a mandatory set of fields means: a 64-bit L1 with EPT cannot do without these.
void needed_fields_exist(Report& report) {
    use(report, cookie_region);
    for (const Field needed :
         {field::guest_rip, field::guest_cr3, field::host_rip, field::eptp, field::msr_bitmap,
          field::io_bitmap_a, field::secondary_controls, field::exit_reason, field::guest_physical_address,
          field::vmcs_link_pointer, field::tsc_offset}) {
        report.expect("a needed field exists", is_supported(needed));
    }
}

void high_halves(Report& report) {
    use(report, cookie_region);
    for_each_writable_field(report, [&](const NamedField& named) {
        if (named.field.width() != FieldWidth::w64) return;
        const u64 cookie = cookie_of(named.field, 7);
        vmwrite(named.field, cookie);
        report.expect("high half read", cookie >> 32, vmread(named.field.high()));
        vmwrite(named.field.high(), 0xFFFFFFFF12345678);
        report.expect("high half written", 0x12345678, vmread(named.field.high()));
        report.expect("low half kept", u64{0x12345678} << 32 | (cookie & 0xFFFFFFFF), vmread(named.field));
    });
}

void upper_bits_are_ignored(Report& report) {
    use(report, cookie_region);
    vmwrite(field::guest_cs_selector, 0xFFFFFFFFFFFF5678);
    report.expect("16-bit field", 0x5678, vmread(field::guest_cs_selector));
    vmwrite(field::guest_cs_limit, 0xFFFFFFFF87654321);
    report.expect("32-bit field", 0x87654321, vmread(field::guest_cs_limit));
}

void many_vmcss(Report& report) {
    for (u64 i = 0; i < vmcs_count; ++i) {
        use(report, regions[i]);
        write_cookies(report, i);
    }
    for (u64 turn = 0; turn < vmcs_count; ++turn) {
        const u64 i = turn * 7 % vmcs_count;
        report.expect("VMPTRLD", vmptrld(regions[i].address()).succeeded());
        expect_cookies(report, i);
    }
}

void vmclear_of_another_keeps_the_current(Report& report) {
    use(report, regions[1]);
    use(report, regions[0]);
    vmwrite(field::guest_rip, 0xABCD);
    report.expect("VMCLEAR", vmclear(regions[1].address()).succeeded());
    u64 pointer = 0;
    report.expect("VMPTRST", vmptrst(pointer).succeeded());
    report.expect("current VMCS", regions[0].address(), pointer);
    report.expect("its field", 0xABCD, vmread(field::guest_rip));
}

constexpr TestCase cases[] = {
    {"vmcs-cookies", cookies_survive},
    {"vmcs-cookies-across-vmxoff", cookies_survive_vmxoff},
    {"vmcs-needed-fields", needed_fields_exist},
    {"vmcs-high-halves", high_halves},
    {"vmcs-upper-bits-ignored", upper_bits_are_ignored},
    {"vmcs-many", many_vmcss},
    {"vmclear-another", vmclear_of_another_keeps_the_current},
};

}  // namespace

constexpr Topic vmcs_tests = topic(cases);

}  // namespace micro
