// A bitmap page that is a page table as well: the processor sets accessed and dirty flags in it, and these
// are bits of the bitmap (SDM 3A 4.8, 3C 29.3.5).
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;

extern "C" u64 identity_pml4[512];

namespace {

constexpr u64 present = bit(0), writable = bit(1), accessed = bit(5), dirty = bit(6), large = bit(7);
// Entry 8 of a table: the bits for MSRs 200H to 23FH, the MTRRs among them.
constexpr u64 used_entry = 8;
constexpr u32 first_msr = used_entry * 64;
constexpr u32 accessed_msr = first_msr + 5, dirty_msr = first_msr + 6;
constexpr u32 ept_accessed_msr = first_msr + 8, ept_dirty_msr = first_msr + 9;
constexpr u64 aliases = u64{2} << 39;  // beside the identity map, in L1 and in L2
constexpr int often = 100;

Page table, pointers, target;

// Tables that lead from `top` through `table`'s entry 8 to the large page in which `target` lies.
u64 alias_of_target(u64 top) {
    const u64 page = target.address();
    table.clear();
    pointers.clear();
    at_address<volatile u64>(table.address())[used_entry] =
        (page & ~(large_page_size - 1)) | present | writable | large;
    at_address<volatile u64>(pointers.address())[0] = table.address() | present | writable;
    at_address<volatile u64>(top)[aliases >> 39] = pointers.address() | present | writable;
    return aliases + used_entry * large_page_size + page % large_page_size;
}

u64 flags() { return at_address<volatile u64>(table.address())[used_entry] & (accessed | dirty); }

Vcpu& with_table_as_bitmap(Report& report, const VcpuOptions& options = {}) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(&l2_nothing), options);
    vmwrite(field::msr_bitmap, table.address());
    for (int i = 0; i < often; ++i) {
        vcpu.go_to(&l2_nothing);
        report.expect_exit(vcpu.run(), reason::vmcall);
    }
    return vcpu;
}

void expect_msr(Report& report, const char* when, u32 msr, bool exits) {
    Vcpu& vcpu = test_vcpu();
    report.about(when);
    vcpu.go_to(&l2_rdmsr);
    vcpu.registers.rcx = msr;
    report.expect_exit(vcpu.run(), exits ? reason::rdmsr : reason::vmcall);
}

void reload_cr3() { write_cr3(read_cr3()); }

void by_l1s_paging(Report& report) {
    const u64 alias = alias_of_target(address_of(identity_pml4));
    with_table_as_bitmap(report);
    expect_msr(report, "not accessed", accessed_msr, false);
    static_cast<void>(*at_address<volatile u64>(alias));
    expect_msr(report, "accessed", accessed_msr, true);
    expect_msr(report, "not dirty", dirty_msr, false);
    *at_address<volatile u64>(alias) = 1;
    expect_msr(report, "dirty", dirty_msr, true);
    report.expect("flags", accessed | dirty, flags());
}

// The flags are set on behalf of an instruction that may exit.
void by_l1s_operand(Report& report) {
    const u64 alias = alias_of_target(address_of(identity_pml4));
    with_table_as_bitmap(report);
    reload_cr3();
    expect_msr(report, "not accessed", accessed_msr, false);
    u64* const operand = at_address<u64>(alias);
    asm volatile("vmptrst %0" : "=m"(*operand) : : "cc", "memory");
    expect_msr(report, "accessed", accessed_msr, true);
    expect_msr(report, "dirty", dirty_msr, true);
    report.expect("flags", accessed | dirty, flags());
}

void by_l2s_paging(Report& report, const VcpuOptions& options) {
    const u64 alias = alias_of_target(l2::page_tables());
    Vcpu& vcpu = with_table_as_bitmap(report, options);
    expect_msr(report, "not accessed", accessed_msr, false);
    vcpu.go_to(&l2_read);
    vcpu.registers.rdi = alias;
    report.expect_exit(vcpu.run(), reason::vmcall);
    expect_msr(report, "accessed", accessed_msr, true);
    expect_msr(report, "not dirty", dirty_msr, false);
    vcpu.go_to(&l2_write);
    vcpu.registers.rdi = alias;
    report.expect_exit(vcpu.run(), reason::vmcall);
    expect_msr(report, "dirty", dirty_msr, true);
}

void by_l2s_paging_with_ept(Report& report) { by_l2s_paging(report, {}); }
void by_l2s_paging_without_ept(Report& report) { by_l2s_paging(report, {.with_ept = false}); }

// The page is a table of EPT12.
void by_ept12(Report& report) {
    if ((rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) == 0) return report.skip("no A/D bits here");
    table.clear();
    at_address<volatile u64>(table.address())[used_entry] =
        target.address() | ept_entry::all | ept_entry::write_back;
    Vcpu& vcpu = with_table_as_bitmap(report, {.accessed_dirty = true});
    vcpu.ept.hidden_directory_entry() = table.address() | ept_entry::all;
    const auto touch = [&](void (*code)()) {
        vcpu.go_to(code);
        vcpu.registers.rdi = Ept::hidden_gib + used_entry * page_size;
        report.expect_exit(vcpu.run(), reason::vmcall);
    };
    expect_msr(report, "not accessed", ept_accessed_msr, false);
    touch(&l2_read);
    expect_msr(report, "accessed", ept_accessed_msr, true);
    expect_msr(report, "not dirty", ept_dirty_msr, false);
    touch(&l2_write);
    expect_msr(report, "dirty", ept_dirty_msr, true);
}

constexpr TestCase cases[] = {
    {"bitmaps-by-l1s-paging", by_l1s_paging},
    {"bitmaps-by-l1s-operand-walk", by_l1s_operand},
    {"bitmaps-by-l2s-paging", by_l2s_paging_with_ept},
    {"bitmaps-by-l2s-paging-without-ept", by_l2s_paging_without_ept},
    {"bitmaps-by-ept12", by_ept12},
};

}  // namespace

constexpr Topic bitmap_table_tests = topic(cases);

}  // namespace micro
