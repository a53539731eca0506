// What a hostile L1 tries: L0's memory by every way that takes an address, dying, and never ending.
#include "console/console.hpp"
#include "cpu/instructions.hpp"
#include "kurma/control_call.hpp"
#include "l2/snippets.hpp"
#include "tests/forms.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr u32 cpuid_address_sizes = 0x80000008;

u64 beyond_physical_memory() { return u64{1} << (cpuid(cpuid_address_sizes).eax & 0xFF); }

void read_l0_from_l1(Report& report) {
    HiddenMemory hole = {};
    if (!find_hidden_memory(hole)) return report.skip("there is no L0 whose memory could be read");
    print("micro: reading L0's memory at ", hex(hole.base), "\n");
    const u64 value = *at_address<const volatile u64>(hole.base);
    report.expect("L1's read of L0's memory to end the run, but it read", ~u64{0}, value);
    report.expect("never to come here", false);
}

void read_l0_from_l2(Report& report) {
    HiddenMemory hole = {};
    if (!find_hidden_memory(hole)) return report.skip("there is no L0 whose memory could be read");
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_read));
    vcpu.ept.window_entry(0) = (hole.base & ~(page_size - 1)) | ept_entry::all | ept_entry::write_back;
    vcpu.registers.rdi = Ept::window;
    print("micro: L2 reads L0's memory at ", hex(hole.base), " through ept12\n");
    const Exit exit = vcpu.run();
    report.expect("L2's read of L0's memory to end the run, but it exited for", ~u64{0}, exit.reason);
}

void triple_fault(Report& report) {
    struct [[gnu::packed]] {
        u16 limit;
        u64 base;
    } const no_table = {0, 0};
    print("micro: triple fault\n");
    finish_console();
    asm volatile("lidt %0\n ud2" : : "m"(no_table) : "memory");
    report.expect("never to come here", false);
}

void hang(Report&) {
    print("micro: hanging\n");
    finish_console();
    while (true) asm volatile("pause" : : : "memory");
}

// Pointers that are no memory of L1's. Beyond the physical address width the manual says what happens; for
// L0's memory it must be refused, and nothing of it may change or be taken as a VMCS.
void vmcs_pointers(Report& report) {
    const MemoryForms& form = memory_forms[0];
    const auto run = [](MemoryForm* instruction, u64 pointer) {
        return instruction(address_of(&pointer), 0);
    };
    test_vcpu().build(reinterpret_cast<const void*>(&l2_nothing));
    const u64 beyond = beyond_physical_memory();
    report.expect_fail_valid(run(form.vmptrld, beyond), vm_error::vmptrld_address);
    report.expect_fail_valid(run(form.vmclear, beyond), vm_error::vmclear_address);
    HiddenMemory hole = {};
    if (find_hidden_memory(hole)) {
        for (const u64 pointer : {hole.base, hole.base + hole.size - page_size}) {
            report.about("L0's memory");
            const u64 vmptrld_flags = run(form.vmptrld, pointer) & rflags_arithmetic;
            report.expect("VMPTRLD refused", vmptrld_flags == rflags_zf || vmptrld_flags == rflags_cf);
            const u64 vmclear_flags = run(form.vmclear, pointer) & rflags_arithmetic;
            report.expect("VMCLEAR refused, or without effect",
                          vmclear_flags == rflags_zf || vmclear_flags == 0);
        }
    }
    report.about("the current VMCS still runs");
    report.expect_exit(test_vcpu().run(), reason::vmcall);
    leave_vmx_operation();
    write_cr4(read_cr4() | cr4_vmxe);
    report.about("vmxon");
    report.expect_fail_invalid(run(form.vmxon, beyond));
    if (find_hidden_memory(hole)) report.expect_fail_invalid(run(form.vmxon, hole.base));
}

// Addresses inside the VMCS: bitmaps, MSR lists, EPTP beyond memory are refused by the checks; in L0's memory
// nothing may leak.
void vmcs_addresses(Report& report) {
    const Field addresses[] = {field::msr_bitmap, field::io_bitmap_a, field::io_bitmap_b};
    for (const Field address : addresses) {
        Vcpu& vcpu = test_vcpu();
        vcpu.build(reinterpret_cast<const void*>(&l2_nothing));
        vmwrite(address, beyond_physical_memory());
        report.expect("error", vm_error::entry_controls, vcpu.run().error);
    }
}

// An address field of the VMCS, with what makes the processor use it, and L2 code that does.
struct Aimed {
    const char* name;
    Field field;
    u32 primary, secondary;
    void (*code)();
};

constexpr Aimed aimed_fields[] = {
    {"MSR bitmap", field::msr_bitmap, 0, 0, l2_rdmsr},
    {"I/O bitmap A", field::io_bitmap_a, 0, 0, l2_in8},
    {"I/O bitmap B", field::io_bitmap_b, 0, 0, l2_out16},
    {"virtual-APIC page", field::virtual_apic_address, primary::tpr_shadow, 0, l2_mov_cr8},
    {"APIC-access page", field::apic_access_address, primary::tpr_shadow, secondary::apic_accesses, l2_read},
    {"VMREAD bitmap", field::vmread_bitmap, 0, secondary::vmcs_shadowing, l2_nothing},
    {"VMWRITE bitmap", field::vmwrite_bitmap, 0, secondary::vmcs_shadowing, l2_nothing},
    {"EPTP list", field::eptp_list_address, 0, secondary::vm_functions, l2_nothing},
    {"page log", field::pml_address, 0, secondary::page_log, l2_write},
    {"#VE information", field::ve_information_address, 0, secondary::virtualization_exceptions, l2_read},
    {"MSRs to load at entry", field::entry_msr_load_address, 0, 0, l2_nothing},
    {"VMCS link pointer", field::vmcs_link_pointer, 0, 0, l2_nothing},
    {"EPT pointer", field::eptp, 0, 0, l2_read},
};

void enter_aimed(const Aimed& aimed, u64 address) {
    constexpr u32 some_entries = 3;
    constexpr u64 eptp_attributes = 0x1E;  // write-back, four levels
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(aimed.code),
               {.primary = aimed.primary, .secondary = aimed.secondary, .accessed_dirty = false});
    if ((aimed.secondary & secondary::vm_functions) != 0) vmwrite(field::vm_function_controls, 1);
    if (aimed.field.encoding == field::entry_msr_load_address.encoding)
        vmwrite(field::entry_msr_load_count, some_entries);
    const bool is_eptp = aimed.field.encoding == field::eptp.encoding;
    vmwrite(aimed.field, is_eptp ? address | eptp_attributes : address);
    vcpu.registers.rcx = 0x10;  // an MSR that is no harm to read
    vcpu.registers.rdx = 0x80;  // a port that is no harm to use
    vcpu.registers.rdi = aimed.code == l2_mov_cr8 ? 0 : Ept::window;
    // Whatever comes of it: VMfail, a failed entry, an exit. A few rounds, so that L2 gets somewhere.
    for (int round = 0; round < 4; ++round)
        if (vcpu.run().kind != Exit::Kind::exited) return;
}

// Every address of the VMCS, aimed at everything. L0 must stand, and L1 go on: the next VMCS runs as ever.
void addresses_anywhere(Report& report) {
    constexpr u64 nobody = 0xB0000000, vga_memory = 0xA0000;
    HiddenMemory hole = {};
    const bool l0 = find_hidden_memory(hole);
    for (const Aimed& aimed : aimed_fields) {
        if (!control_is_allowed(vmx_msr::secondary, aimed.secondary)) continue;
        report.about(aimed.name);
        const u64 targets[] = {nobody,
                               vga_memory,
                               beyond_physical_memory() - page_size,
                               test_vcpu().region.address(),
                               vmxon_region(),
                               l0 ? hole.base : nobody,
                               l0 ? hole.base + hole.size - page_size : nobody};
        for (const u64 target : targets) {
            enter_aimed(aimed, target);
            test_vcpu().build(reinterpret_cast<const void*>(&l2_nothing));
            report.expect_exit(test_vcpu().run(), reason::vmcall);
        }
    }
}

// A table of EPT12 where nobody answers, or in L0's memory: the bus reads as ones, which no EPT entry may be.
void ept_tables_nowhere(Report& report) {
    const auto read_through = [&](const char* where, u64 table) {
        report.about(where);
        Vcpu& vcpu = test_vcpu();
        vcpu.build(reinterpret_cast<const void*>(&l2_read));
        vcpu.ept.hidden_directory_entry() = table | ept_entry::all;
        vcpu.registers.rdi = Ept::hidden_gib;
        report.expect_exit(vcpu.run(), reason::ept_misconfiguration);
    };
    read_through("no memory", beyond_physical_memory() / 2);
    HiddenMemory hole = {};
    if (find_hidden_memory(hole)) read_through("L0's memory", hole.base);
}

// MSR lists in L0's memory. Whatever L0 says to such an entry, it must not load from there or store to it and
// let L2 run.
void msr_lists_in_l0_memory(Report& report) {
    HiddenMemory hole = {};
    if (!find_hidden_memory(hole)) return report.skip("there is no L0 whose memory could be named");
    struct List {
        const char* name;
        Field address, count;
    };
    const List lists[] = {
        {"entry load", field::entry_msr_load_address, field::entry_msr_load_count},
        {"exit store", field::exit_msr_store_address, field::exit_msr_store_count},
        {"exit load", field::exit_msr_load_address, field::exit_msr_load_count},
    };
    for (const List& list : lists) {
        report.about(list.name);
        Vcpu& vcpu = test_vcpu();
        vcpu.build(reinterpret_cast<const void*>(&l2_nothing));
        vmwrite(list.address, hole.base);
        vmwrite(list.count, 1);
        print("micro: MSR list in L0's memory: ", list.name, "\n");
        const Exit exit = vcpu.run();
        report.expect("that L2 did not run", !exit.exited_for(reason::vmcall));
    }
}

constexpr TestCase cases[] = {
    {"vmcs-pointers", vmcs_pointers},
    {"vmcs-addresses", vmcs_addresses},
    {"vmcs-addresses-anywhere", addresses_anywhere},
    {"ept-tables-nowhere", ept_tables_nowhere},
    {"l0-memory-l1", read_l0_from_l1, true},
    {"l0-memory-l2", read_l0_from_l2, true},
    {"l0-memory-msr-lists", msr_lists_in_l0_memory, true},
    {"triple-fault", triple_fault, true},
    {"hang", hang, true},
};

}  // namespace

constexpr Topic hostile_tests = topic(cases);

}  // namespace micro
