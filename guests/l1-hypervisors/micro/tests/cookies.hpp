// Each field of a VMCS gets a value that names it, so that one that lands elsewhere is found.
#pragma once

#include "tests/test.hpp"
#include "vmx/fields.hpp"

namespace micro {

// A value that names the field, cut to its width.
u64 cookie_of(Field f, u64 salt);
// The processor keeps only the defined bits of access rights (SDM 3C 25.4.1), and may say so when they are
// read back.
u64 comparable(const NamedField& named, u64 value);
bool is_supported(Field f);

// Makes a VMCS in `region` current: clear, with whatever values a new one has.
void use(Report& report, Page& region);
void write_cookies(Report& report, u64 salt);
void expect_cookies(Report& report, u64 salt);

template <typename Body>
void for_each_writable_field(Report& report, Body body) {
    for (const NamedField& named : all_fields) {
        if (named.field.is_read_only() || !is_supported(named.field)) continue;
        report.about(named.name);
        body(named);
    }
}

}  // namespace micro
