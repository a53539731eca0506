// The faults of the VMX instructions: #UD outside VMX operation, #GP at CPL 3, #PF, #GP and #SS of memory
// operands.
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "cpu/paging.hpp"
#include "tests/forms.hpp"
#include "tests/test.hpp"
#include "tests/user_mode.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u64 page_fault_write = bit(1), page_fault_present = bit(0);
constexpr u64 non_canonical = u64{1} << 62;
constexpr u64 missing_page = 5, read_only_page = 6, edge_page = 7;  // edge_page + 1 is missing, too
constexpr u64 vmread_field = field::guest_rip.encoding;

Page some_page;

const MemoryForms& form_named(const char* name) {
    for (const MemoryForms* form = memory_forms; form != memory_forms_end; ++form) {
        if (same_text(form->name, name)) return *form;
    }
    give_up("a test names an operand form that does not exist");
}

struct Instruction {
    const char* name;
    MemoryForm* MemoryForms::*form;
    u64 second;
    bool writes_operand;
    unsigned operand_bytes;
};

constexpr Instruction instructions[] = {
    {"vmread", &MemoryForms::vmread, vmread_field, true, 8},
    {"vmwrite", &MemoryForms::vmwrite, vmread_field, false, 8},
    {"vmptrld", &MemoryForms::vmptrld, 0, false, 8},
    {"vmptrst", &MemoryForms::vmptrst, 0, true, 8},
    {"vmclear", &MemoryForms::vmclear, 0, false, 8},
    {"invept", &MemoryForms::invept, 1, false, 16},
    {"invvpid", &MemoryForms::invvpid, 1, false, 16},
};

void load_vmcs() { test_vcpu().build(reinterpret_cast<const void*>(&l2_finish)); }

void undefined_outside_operation(Report& report) {
    leave_vmx_operation();
    for (const u64 vmxe : {u64{0}, cr4_vmxe}) {
        write_cr4((read_cr4() & ~cr4_vmxe) | vmxe);
        for (const Instruction& instruction : instructions) {
            report.about(instruction.name);
            const MemoryForms& form = memory_forms[0];
            // A bad operand does not matter: #UD comes first.
            for (const u64 operand : {address_of(&some_page), window::page(missing_page), non_canonical}) {
                report.expect_fault(guarded([&] { (form.*instruction.form)(operand, instruction.second); }),
                                    vector_ud, 0);
            }
        }
        report.about("vmxoff");
        report.expect_fault(guarded([] { form_vmxoff(); }), vector_ud, 0);
        report.about("vmlaunch");
        report.expect_fault(guarded([] { form_vmlaunch(); }), vector_ud, 0);
        report.about("vmresume");
        report.expect_fault(guarded([] { form_vmresume(); }), vector_ud, 0);
        report.about("vmcall without Kurma's signature");
        report.expect_fault(guarded([] { form_vmcall(0); }), vector_ud, 0);
    }
}

void vmxon_needs_vmxe(Report& report) {
    leave_vmx_operation();
    const u64 region = vmxon_region();
    report.expect_fault(guarded([&] { memory_forms[0].vmxon(address_of(&region), 0); }), vector_ud, 0);
}

// SDM 3C 31.3, VMXON: #GP(0) where CR0 or CR4 lack a fixed bit, here NE.
void vmxon_needs_fixed_bits(Report& report) {
    leave_vmx_operation();
    const u64 cr0 = read_cr0();
    write_cr4(read_cr4() | cr4_vmxe);
    write_cr0(cr0 & ~cr0_ne);
    const u64 region = vmxon_region();
    report.expect_fault(guarded([&] { memory_forms[0].vmxon(address_of(&region), 0); }), vector_gp, 0);
    write_cr0(cr0);
    report.expect_success(memory_forms[0].vmxon(address_of(&region), 0));
}

void privileged_in_operation(Report& report) {
    load_vmcs();
    for (const UserForm* form = user_forms; form != user_forms_end; ++form) {
        report.about(form->name);
        report.expect_fault(run_in_user_mode(form->code), vector_gp, 0);
    }
}

// Outside VMX operation #UD comes before the privilege level for all but VMXON, which has its own order.
void user_mode_outside_operation(Report& report) {
    leave_vmx_operation();
    for (const UserForm* form = user_forms; form != user_forms_end; ++form) {
        report.about(form->name);
        report.expect_fault(run_in_user_mode(form->code), vector_ud, 0);
    }
}

void vmxon_at_cpl_3_with_vmxe(Report& report) {
    leave_vmx_operation();
    write_cr4(read_cr4() | cr4_vmxe);
    report.expect_fault(run_in_user_mode(user_forms[0].code), vector_gp, 0);
}

void operand_on_missing_page(Report& report) {
    load_vmcs();
    window::unmap(missing_page);
    const u64 operand = window::page(missing_page) + 0x128;
    for (const MemoryForms* form = memory_forms; form != memory_forms_end; ++form) {
        // Forms that are bound to one target cannot be aimed, nor can 32-bit addresses at a window above 4
        // GiB.
        if (starts_with(form->name, "absolute") || starts_with(form->name, "rip") ||
            starts_with(form->name, "fs") || starts_with(form->name, "gs") ||
            starts_with(form->name, "address32")) {
            continue;
        }
        // A stack pointer that points at a missing page takes no flags either.
        if (same_text(form->name, "base_rsp") || starts_with(form->name, "index_r15_base_rsp")) continue;
        report.about(form->name);
        for (const Instruction& instruction : instructions) {
            const Fault fault = guarded([&] { (form->*instruction.form)(operand, instruction.second); });
            report.expect_fault(fault, vector_pf, instruction.writes_operand ? page_fault_write : 0);
            report.expect("CR2", operand, fault.cr2);
        }
    }
}

void operand_runs_into_missing_page(Report& report) {
    load_vmcs();
    window::map(edge_page, some_page.address());
    window::unmap(edge_page + 1);
    for (const Instruction& instruction : instructions) {
        report.about(instruction.name);
        const u64 operand = window::page(edge_page + 1) - 4;
        const Fault fault =
            guarded([&] { (memory_forms[0].*instruction.form)(operand, instruction.second); });
        report.expect_fault(fault, vector_pf, instruction.writes_operand ? page_fault_write : 0);
        report.expect("CR2", window::page(edge_page + 1), fault.cr2);
    }
}

void operand_on_read_only_page(Report& report) {
    load_vmcs();
    some_page.clear();
    window::map_read_only(read_only_page, some_page.address());
    const u64 operand = window::page(read_only_page) + 8;
    for (const Instruction& instruction : instructions) {
        if (!instruction.writes_operand) continue;
        report.about(instruction.name);
        const Fault fault =
            guarded([&] { (memory_forms[0].*instruction.form)(operand, instruction.second); });
        report.expect_fault(fault, vector_pf, page_fault_write | page_fault_present);
        report.expect("CR2", operand, fault.cr2);
    }
    report.about("vmwrite");
    report.expect_success(memory_forms[0].vmwrite(operand, vmread_field));
}

void operand_at_non_canonical_address(Report& report) {
    load_vmcs();
    for (const Instruction& instruction : instructions) {
        report.about(instruction.name);
        const Fault by_data =
            guarded([&] { (memory_forms[0].*instruction.form)(non_canonical, instruction.second); });
        report.expect_fault(by_data, vector_gp, 0);
        // An address based on RBP belongs to the stack segment.
        const MemoryForms& stack_form = form_named("base_rbp");
        const Fault by_stack =
            guarded([&] { (stack_form.*instruction.form)(non_canonical, instruction.second); });
        report.expect_fault(by_stack, vector_ss, 0);
    }
}

// A fault leaves everything as it was: the current VMCS, its fields, RIP at the instruction.
void faults_change_nothing(Report& report) {
    load_vmcs();
    vmwrite(field::guest_rip, 0x1234);
    const u64 operand = window::page(missing_page);
    window::unmap(missing_page);
    for (const Instruction& instruction : instructions) {
        report.about(instruction.name);
        static_cast<void>(guarded([&] { (memory_forms[0].*instruction.form)(operand, instruction.second); }));
        u64 pointer = 0;
        report.expect("VMPTRST works", vmptrst(pointer).succeeded());
        report.expect("current VMCS", test_vcpu().region.address(), pointer);
        report.expect("guest RIP", 0x1234, vmread(field::guest_rip));
    }
}

constexpr TestCase cases[] = {
    {"ud-outside-operation", undefined_outside_operation},
    {"vmxon-needs-cr4-vmxe", vmxon_needs_vmxe},
    {"vmxon-needs-fixed-bits", vmxon_needs_fixed_bits},
    {"gp-at-cpl-3", privileged_in_operation},
    {"ud-at-cpl-3-outside-operation", user_mode_outside_operation},
    {"vmxon-at-cpl-3", vmxon_at_cpl_3_with_vmxe},
    {"pf-of-operand", operand_on_missing_page},
    {"pf-of-operand-tail", operand_runs_into_missing_page},
    {"pf-of-read-only-operand", operand_on_read_only_page},
    {"gp-ss-of-operand", operand_at_non_canonical_address},
    {"faults-change-nothing", faults_change_nothing},
};

}  // namespace

constexpr Topic fault_tests = topic(cases);

}  // namespace micro
