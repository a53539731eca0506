// Every VMX instruction in every operand form.
#include "cpu/instructions.hpp"
#include "cpu/paging.hpp"
#include "tests/forms.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u64 cookie = 0xC00C1E5A5ABEEF01, garbage = 0x1111111111111111;
constexpr Field wide = field::guest_rip;  // natural width, any value

Page second_region, second_vmxon_region;
Page split_low, split_high;  // apart in physical memory, neighbours in the window
constexpr u64 split_address = window::page(1) - 4;

u64 target_address() { return address_of(&form_target.words); }

void set_bases() {
    wrmsr(msr_fs_base, form_fs_base);
    wrmsr(msr_gs_base, form_gs_base);
}

void load_vmcs() {
    set_bases();
    test_vcpu().build(reinterpret_cast<const void*>(&l2_finish));
    prepare_region(second_region);
    if (!vmclear(second_region.address()).succeeded()) give_up("VMCLEAR of a fresh region failed");
}

template <typename Body>
void for_each_form(Report& report, Body body) {
    for (const MemoryForms* form = memory_forms; form != memory_forms_end; ++form) {
        report.about(form->name);
        form_target.words[0] = form_target.words[1] = garbage;
        form_target.guard_after[0] = garbage;
        body(*form);
        report.expect("the bytes after the operand are untouched", garbage, form_target.guard_after[0]);
    }
}

void vmread_register(Report& report) {
    load_vmcs();
    vmwrite(wide, cookie);
    for (const RegisterForms* form = register_forms; form != register_forms_end; ++form) {
        report.about(form->name);
        u64 value = garbage;
        report.expect_success(form->vmread_to(wide.encoding, &value));
        report.expect("value in it", cookie, value);
        value = garbage;
        report.expect_success(form->vmread_by(wide.encoding, &value));
        report.expect("value by it", cookie, value);
    }
}

void vmwrite_register(Report& report) {
    load_vmcs();
    u64 value = cookie;
    for (const RegisterForms* form = register_forms; form != register_forms_end; ++form) {
        report.about(form->name);
        report.expect_success(form->vmwrite_from(wide.encoding, ++value));
        report.expect("value from it", value, vmread(wide));
        report.expect_success(form->vmwrite_by(wide.encoding, ++value));
        report.expect("value by it", value, vmread(wide));
    }
}

void vmread_memory(Report& report) {
    load_vmcs();
    vmwrite(wide, cookie);
    for_each_form(report, [&](const MemoryForms& form) {
        report.expect_success(form.vmread(target_address(), wide.encoding));
        report.expect("value", cookie, form_target.words[0]);
        report.expect("the next word is untouched", garbage, form_target.words[1]);
    });
}

void vmwrite_memory(Report& report) {
    load_vmcs();
    u64 value = cookie;
    for_each_form(report, [&](const MemoryForms& form) {
        form_target.words[0] = ++value;
        report.expect_success(form.vmwrite(target_address(), wide.encoding));
        report.expect("value", value, vmread(wide));
        report.expect("the operand is untouched", value, form_target.words[0]);
    });
}

// A memory operand of VMREAD is 64 bits whatever the field; a shorter field is zero-extended.
void vmread_narrow_field(Report& report) {
    load_vmcs();
    vmwrite(field::guest_cs_selector, 0x1234);
    for_each_form(report, [&](const MemoryForms& form) {
        report.expect_success(form.vmread(target_address(), field::guest_cs_selector.encoding));
        report.expect("value", 0x1234, form_target.words[0]);
    });
}

void vmptrld_memory(Report& report) {
    load_vmcs();
    for_each_form(report, [&](const MemoryForms& form) {
        test_vcpu().make_current();
        form_target.words[0] = second_region.address();
        report.expect_success(form.vmptrld(target_address(), 0));
        u64 pointer = 0;
        report.expect("VMPTRST works", vmptrst(pointer).succeeded());
        report.expect("current VMCS", second_region.address(), pointer);
    });
}

void vmptrst_memory(Report& report) {
    load_vmcs();
    for_each_form(report, [&](const MemoryForms& form) {
        report.expect_success(form.vmptrst(target_address(), 0));
        report.expect("current VMCS", test_vcpu().region.address(), form_target.words[0]);
        report.expect("the next word is untouched", garbage, form_target.words[1]);
    });
}

void vmclear_memory(Report& report) {
    load_vmcs();
    for_each_form(report, [&](const MemoryForms& form) {
        report.expect("VMPTRLD works", vmptrld(second_region.address()).succeeded());
        form_target.words[0] = second_region.address();
        report.expect_success(form.vmclear(target_address(), 0));
        u64 pointer = 0;
        report.expect("VMPTRST works", vmptrst(pointer).succeeded());
        report.expect("no current VMCS", ~u64{0}, pointer);
    });
}

void vmxon_memory(Report& report) {
    set_bases();
    prepare_region(second_vmxon_region);
    for_each_form(report, [&](const MemoryForms& form) {
        report.expect_success(form_vmxoff());
        form_target.words[0] = second_vmxon_region.address();
        report.expect_success(form.vmxon(target_address(), 0));
        // The proof that this region was taken: it is refused as a VMCS now.
        test_vcpu().build(reinterpret_cast<const void*>(&l2_finish));
        form_target.words[0] = second_vmxon_region.address();
        report.expect_fail_valid(form.vmptrld(target_address(), 0), vm_error::vmptrld_vmxon_pointer);
    });
}

void invept_memory(Report& report) {
    load_vmcs();
    const u64 single = static_cast<u64>(InvalidationType::single_context);
    for_each_form(report, [&](const MemoryForms& form) {
        form_target.words[0] = test_vcpu().ept.pointer();
        form_target.words[1] = 0;
        report.expect_success(form.invept(target_address(), single));
        form_target.words[0] = garbage;  // reserved bits: shows that the operand is read
        report.expect_fail_valid(form.invept(target_address(), single), vm_error::invalidation_operand);
    });
}

void invvpid_memory(Report& report) {
    load_vmcs();
    const u64 single = static_cast<u64>(InvalidationType::single_context);
    for_each_form(report, [&](const MemoryForms& form) {
        form_target.words[0] = 1;
        form_target.words[1] = 0;
        report.expect_success(form.invvpid(target_address(), single));
        form_target.words[0] = garbage;
        report.expect_fail_valid(form.invvpid(target_address(), single), vm_error::invalidation_operand);
    });
}

void put_split(u64 value) {
    *at_address<u32>(split_low.address() + page_size - 4) = static_cast<u32>(value);
    *at_address<u32>(split_high.address()) = static_cast<u32>(value >> 32);
}

u64 get_split() {
    return u64{*at_address<u32>(split_high.address())} << 32 |
           *at_address<u32>(split_low.address() + page_size - 4);
}

// An operand that lies on two pages, whose frames are not neighbours.
void operand_on_two_pages(Report& report) {
    load_vmcs();
    window::map(0, split_low.address());
    window::map(1, split_high.address());
    const MemoryForms& form = memory_forms[0];
    vmwrite(wide, cookie);
    report.expect_success(form.vmread(split_address, wide.encoding));
    report.expect("VMREAD", cookie, get_split());
    put_split(cookie + 1);
    report.expect_success(form.vmwrite(split_address, wide.encoding));
    report.expect("VMWRITE", cookie + 1, vmread(wide));
    put_split(garbage);
    report.expect_success(form.vmptrst(split_address, 0));
    report.expect("VMPTRST", test_vcpu().region.address(), get_split());
    put_split(second_region.address());
    report.expect_success(form.vmptrld(split_address, 0));
    report.expect_success(form.vmclear(split_address, 0));
    report.expect_success(form_vmxoff());
    put_split(vmxon_region());
    report.expect_success(form.vmxon(split_address, 0));
}

constexpr TestCase cases[] = {
    {"vmread-register-forms", vmread_register},
    {"vmwrite-register-forms", vmwrite_register},
    {"vmread-memory-forms", vmread_memory},
    {"vmwrite-memory-forms", vmwrite_memory},
    {"vmread-narrow-field-to-memory", vmread_narrow_field},
    {"vmptrld-memory-forms", vmptrld_memory},
    {"vmptrst-memory-forms", vmptrst_memory},
    {"vmclear-memory-forms", vmclear_memory},
    {"vmxon-memory-forms", vmxon_memory},
    {"invept-memory-forms", invept_memory},
    {"invvpid-memory-forms", invvpid_memory},
    {"operand-on-two-pages", operand_on_two_pages},
};

}  // namespace

constexpr Topic operand_tests = topic(cases);

}  // namespace micro
