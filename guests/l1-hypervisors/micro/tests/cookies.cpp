#include "tests/cookies.hpp"

#include "vmx/instructions.hpp"
#include "vmx/operation.hpp"

namespace micro {

u64 cookie_of(Field f, u64 salt) {
    constexpr u64 spread = 0x9E3779B97F4A7C15;
    return (spread * (f.encoding + 0x10000 * (salt + 1))) & f.mask();
}

u64 comparable(const NamedField& named, u64 value) {
    constexpr u64 access_rights_defined = 0x1F0FF;
    const u32 encoding = named.field.encoding;
    const bool is_access =
        encoding >= field::guest_es_access.encoding && encoding <= field::guest_tr_access.encoding;
    return is_access ? value & access_rights_defined : value;
}

bool is_supported(Field f) {
    u64 value = 0;
    return vmread_raw(f.encoding, value).succeeded();
}

void use(Report& report, Page& region) {
    prepare_region(region);
    report.expect("VMCLEAR", vmclear(region.address()).succeeded());
    report.expect("VMPTRLD", vmptrld(region.address()).succeeded());
}

void write_cookies(Report& report, u64 salt) {
    for_each_writable_field(
        report, [&](const NamedField& named) { vmwrite(named.field, cookie_of(named.field, salt)); });
}

void expect_cookies(Report& report, u64 salt) {
    for_each_writable_field(report, [&](const NamedField& named) {
        report.expect("cookie", comparable(named, cookie_of(named.field, salt)),
                      comparable(named, vmread(named.field)));
    });
}

}  // namespace micro
