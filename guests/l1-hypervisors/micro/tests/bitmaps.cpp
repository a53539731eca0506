// MSR and I/O bitmaps that change between entries, by every way in which memory can be written: the next
// entry follows the bitmap as it is then (SDM 3C 25.6.4, 25.6.9).
//
// A hypervisor below may believe that a bitmap stays as it was. So every case lets L2 run often with one
// before it changes, and says what L2 must be able to do before and after.
#include "cpu/instructions.hpp"
#include "cpu/paging.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

// Bit n of an MSR bitmap, or of I/O bitmap A, is for MSR n or port n; a word has 64 of them.
constexpr u32 msr_tsc = 0x10;
constexpr u16 port_delay = 0x80;  // no harm to read
constexpr u64 tsc_word = 0, tsc_bit = bit(msr_tsc);
constexpr u64 port_word = port_delay / 64, port_bit = bit(port_delay % 64);
// More often than anybody would hesitate to believe.
constexpr int often = 100;
constexpr u64 wb = ept_entry::write_back;

Page bitmap, second_bitmap, scratch;
Page crowd[80];

volatile u64& word(Page& page, u64 index) { return at_address<volatile u64>(page.address())[index]; }

class Bench {
  public:
    explicit Bench(Report& report) : report_(report) {}

    Vcpu& make(Vcpu& vcpu, const VcpuOptions& options = {}) {
        for (Page* page : {&bitmap, &second_bitmap}) page->clear();
        vcpu.build(reinterpret_cast<const void*>(&l2_nothing), options);
        use(bitmap);
        return vcpu;
    }
    static void use(Page& page) { vmwrite(field::msr_bitmap, page.address()); }
    Exit run(Vcpu& vcpu, void (*code)(), u32 rcx = 0) {
        vcpu.go_to(code);
        vcpu.registers.rcx = rcx;
        vcpu.registers.rdx = port_delay;
        return vcpu.run();
    }
    void expect_msr(Vcpu& vcpu, const char* when, bool exits, u32 msr = msr_tsc) {
        report_.about(when);
        report_.expect_exit(run(vcpu, &l2_rdmsr, msr), exits ? reason::rdmsr : reason::vmcall);
    }
    void expect_port(Vcpu& vcpu, const char* when, bool exits) {
        report_.about(when);
        report_.expect_exit(run(vcpu, &l2_in8), exits ? reason::io : reason::vmcall);
    }
    // Entries enough for the bitmap to be taken for settled.
    void settle(Vcpu& vcpu) {
        for (int i = 0; i < often; ++i) report_.expect_exit(run(vcpu, &l2_nothing), reason::vmcall);
    }
    void write_by_l2(Vcpu& vcpu, u64 at, u64 value) {
        vcpu.go_to(&l2_write);
        vcpu.registers.rdi = at;
        vcpu.registers.rsi = value;
        report_.about("L2's write");
        report_.expect_exit(vcpu.run(), reason::vmcall);
    }
    Report& report() { return report_; }

  private:
    Report& report_;
};

void by_l1(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    for (int round = 0; round < 3; ++round) {
        bench.settle(vcpu);
        bench.expect_msr(vcpu, "before", false);
        word(bitmap, tsc_word) = tsc_bit;
        bench.expect_msr(vcpu, "set", true);
        bench.settle(vcpu);
        bench.expect_msr(vcpu, "still set", true);
        word(bitmap, tsc_word) = 0;
        bench.expect_msr(vcpu, "cleared", false);
    }
}

void by_l1_every_time(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    for (int round = 0; round < 2 * often; ++round) {
        const bool exits = round % 3 == 0;
        word(bitmap, tsc_word) = exits ? tsc_bit : 0;
        bench.expect_msr(vcpu, exits ? "set" : "cleared", exits);
    }
    bench.settle(vcpu);
    word(bitmap, tsc_word) = tsc_bit;
    bench.expect_msr(vcpu, "after a rest", true);
}

void ports(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    vmwrite(field::io_bitmap_a, second_bitmap.address());
    bench.settle(vcpu);
    bench.expect_port(vcpu, "before", false);
    word(second_bitmap, port_word) = port_bit;
    bench.expect_port(vcpu, "set", true);
    vmwrite(field::io_bitmap_a, scratch.address());
    vmwrite(field::io_bitmap_b, second_bitmap.address());
    bench.expect_port(vcpu, "another page", false);
    bench.settle(vcpu);
    vmwrite(field::io_bitmap_a, second_bitmap.address());
    bench.expect_port(vcpu, "both the same page", true);
    word(second_bitmap, port_word) = 0;
    bench.expect_port(vcpu, "cleared", false);
}

// One page is both the MSR bitmap and I/O bitmap A.
void one_page_for_two(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    vmwrite(field::io_bitmap_a, bitmap.address());
    for (int round = 0; round < 2; ++round) {
        bench.settle(vcpu);
        word(bitmap, port_word) = port_bit;
        bench.expect_msr(vcpu, "MSR, only the port set", false);
        bench.expect_port(vcpu, "port set", true);
        word(bitmap, tsc_word) = tsc_bit;
        bench.expect_msr(vcpu, "both set", true);
        bitmap.clear();
        bench.expect_port(vcpu, "both cleared", false);
        bench.expect_msr(vcpu, "both cleared", false);
    }
}

void two_vmcss_share_a_page(Report& report) {
    Bench bench{report};
    Vcpu& second = bench.make(other_vcpu(), {.vpid = 2});
    Vcpu& first = bench.make(test_vcpu());
    bench.settle(first);
    second.make_current();
    bench.settle(second);
    word(bitmap, tsc_word) = tsc_bit;
    bench.expect_msr(second, "the second", true);
    first.make_current();
    bench.expect_msr(first, "the first", true);
    word(bitmap, tsc_word) = 0;
    bench.expect_msr(first, "the first, cleared", false);
    second.make_current();
    bench.expect_msr(second, "the second, cleared", false);
}

void other_pages(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    word(second_bitmap, tsc_word) = tsc_bit;
    for (int round = 0; round < 3; ++round) {
        bench.settle(vcpu);
        Bench::use(second_bitmap);
        bench.expect_msr(vcpu, "another page", true);
        bench.settle(vcpu);
        Bench::use(bitmap);
        bench.expect_msr(vcpu, "the first again", false);
    }
    Bench::use(second_bitmap);
    bench.settle(vcpu);
    Bench::use(bitmap);
    bench.settle(vcpu);
    word(second_bitmap, tsc_word) = 0;
    word(bitmap, tsc_word) = tsc_bit;
    bench.expect_msr(vcpu, "written while it was the one", true);
    Bench::use(second_bitmap);
    bench.expect_msr(vcpu, "written while it was not", false);
}

void more_pages_than_anybody_watches(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    for (Page& page : crowd) {
        page.clear();
        Bench::use(page);
        bench.expect_msr(vcpu, "fresh", false);
    }
    for (Page& page : crowd) word(page, tsc_word) = tsc_bit;
    for (Page& page : crowd) {
        Bench::use(page);
        bench.expect_msr(vcpu, "set", true);
    }
}

// Without the control every RDMSR exits, whatever the page says.
void control_off_and_on(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    const u64 with = vmread(field::primary_controls);
    bench.settle(vcpu);
    vmwrite(field::primary_controls, with & ~u64{primary::msr_bitmaps});
    bench.expect_msr(vcpu, "no bitmap", true);
    vmwrite(field::primary_controls, with);
    bench.expect_msr(vcpu, "on again", false);
    vmwrite(field::primary_controls, with & ~u64{primary::msr_bitmaps});
    bench.settle(vcpu);
    word(bitmap, tsc_word) = tsc_bit;
    vmwrite(field::primary_controls, with);
    bench.expect_msr(vcpu, "written while off", true);
    word(bitmap, tsc_word) = 0;
    bench.expect_msr(vcpu, "cleared", false);
}

void cleared_vmcs(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    bench.settle(vcpu);
    report.expect("VMCLEAR", vmclear(vcpu.region.address()).succeeded());
    word(bitmap, tsc_word) = tsc_bit;
    vcpu.launched = false;
    vcpu.make_current();
    bench.expect_msr(vcpu, "written while the VMCS was not active", true);
}

void by_operands(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    bench.settle(vcpu);
    vmwrite(field::tsc_offset, tsc_bit);
    u64* const target = at_address<u64>(bitmap.address());
    asm volatile("vmread %1, %0" : "=m"(*target) : "r"(u64{field::tsc_offset.encoding}) : "cc", "memory");
    bench.expect_msr(vcpu, "VMREAD of a control to memory", true);
    word(bitmap, tsc_word) = 0;
    bench.settle(vcpu);
    vmwrite(field::guest_sysenter_esp, tsc_bit);
    asm volatile("vmread %1, %0"
                 : "=m"(*target)
                 : "r"(u64{field::guest_sysenter_esp.encoding})
                 : "cc", "memory");
    bench.expect_msr(vcpu, "VMREAD of guest state to memory", true);

    // A bit of the pointer that this VMCS's address has, above those that a page has not.
    u32 msr = 12;
    while ((vcpu.region.address() & bit(msr)) == 0) ++msr;
    word(bitmap, tsc_word) = 0;
    bench.settle(vcpu);
    report.expect("VMPTRST", vmptrst(*target).succeeded());
    bench.expect_msr(vcpu, "VMPTRST", true, msr);
}

void by_exit_msr_store(Report& report) {
    constexpr u32 msr_pat = 0x277, msr_fix64k = 0x250;
    constexpr u64 entry_offset = 64, data_word = 9;  // bits for MSRs 240H to 27FH
    static_assert(msr_fix64k / 64 == data_word);
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    if ((rdmsr(msr_pat) & bit(msr_fix64k % 64)) == 0) return report.skip("the PAT has another value here");
    word(bitmap, data_word - 1) = msr_pat;
    bench.settle(vcpu);
    bench.expect_msr(vcpu, "before", false, msr_fix64k);
    vmwrite(field::exit_msr_store_address, bitmap.address() + entry_offset);
    vmwrite(field::exit_msr_store_count, 1);
    bench.expect_msr(vcpu, "at the entry before the store", false, msr_fix64k);
    bench.expect_msr(vcpu, "after it", true, msr_fix64k);
    vmwrite(field::exit_msr_store_count, 0);
}

void by_l2(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu());
    vcpu.ept.window_entry(0) = bitmap.address() | ept_entry::all | wb;
    // L2 has written the page before, so that it has the right to.
    Bench::use(second_bitmap);
    bench.write_by_l2(vcpu, Ept::window, 0);
    Bench::use(bitmap);
    for (int round = 0; round < 3; ++round) {
        bench.settle(vcpu);
        bench.expect_msr(vcpu, "before", false);
        bench.write_by_l2(vcpu, Ept::window, tsc_bit);
        bench.expect_msr(vcpu, "L2's write in the window", true);
        bench.write_by_l2(vcpu, bitmap.address(), 0);
        bench.expect_msr(vcpu, "L2's write through the large page", false);
        bench.settle(vcpu);
        bench.write_by_l2(vcpu, bitmap.address(), tsc_bit);
        bench.expect_msr(vcpu, "L2's write through the large page, later", true);
        bench.write_by_l2(vcpu, Ept::window, 0);
    }
}

void by_l2_without_ept(Report& report) {
    Bench bench{report};
    Vcpu& vcpu = bench.make(test_vcpu(), {.with_ept = false});
    for (int round = 0; round < 3; ++round) {
        bench.settle(vcpu);
        bench.expect_msr(vcpu, "before", false);
        bench.write_by_l2(vcpu, bitmap.address(), tsc_bit);
        bench.expect_msr(vcpu, "L2's write", true);
        bench.settle(vcpu);
        bench.write_by_l2(vcpu, bitmap.address(), 0);
        bench.expect_msr(vcpu, "L2's other write", false);
    }
}

// The page is a virtual-APIC page as well, the VMCS's own or another's.
void by_virtual_apic(Report& report) {
    if (!control_is_allowed(vmx_msr::primary, primary::tpr_shadow)) return report.skip("no TPR shadow here");
    constexpr u32 first_msr = 0x400;  // byte 80H, the task priority
    Bench bench{report};
    const VcpuOptions options = {.primary = primary::tpr_shadow};
    Vcpu& second = bench.make(other_vcpu(), {.vpid = 2});
    Bench::use(scratch);
    Vcpu& first = bench.make(test_vcpu(), options);
    const auto set_priority = [&](Vcpu& vcpu, u64 priority) {
        vcpu.go_to(&l2_mov_cr8);
        vcpu.registers.rdi = priority;
        report.expect_exit(vcpu.run(), reason::vmcall);
    };
    const auto expect_nibble = [&](Vcpu& vcpu, const char* when, u64 priority) {
        for (u32 i = 0; i < 4; ++i)
            bench.expect_msr(vcpu, when, ((priority >> i) & 1) != 0, first_msr + 4 + i);
    };
    vmwrite(field::virtual_apic_address, bitmap.address());
    vmwrite(field::tpr_threshold, 0);
    bench.settle(first);
    for (const u64 priority : {u64{1}, u64{2}, u64{0}, u64{15}}) {
        set_priority(first, priority);
        expect_nibble(first, "its own", priority);
    }
    vmwrite(field::virtual_apic_address, scratch.address());
    bench.settle(first);
    second.make_current();
    vmwrite(field::primary_controls, vmread(field::primary_controls) | primary::tpr_shadow);
    vmwrite(field::virtual_apic_address, bitmap.address());
    for (const u64 priority : {u64{4}, u64{0}, u64{8}, u64{1}}) {
        second.make_current();
        set_priority(second, priority);
        first.make_current();
        expect_nibble(first, "another VMCS's", priority);
    }
}

constexpr TestCase cases[] = {
    {"bitmaps-by-l1", by_l1},
    {"bitmaps-by-l1-every-time", by_l1_every_time},
    {"bitmaps-ports", ports},
    {"bitmaps-one-page-for-two", one_page_for_two},
    {"bitmaps-shared-by-two-vmcss", two_vmcss_share_a_page},
    {"bitmaps-other-pages", other_pages},
    {"bitmaps-many-pages", more_pages_than_anybody_watches},
    {"bitmaps-control-off-and-on", control_off_and_on},
    {"bitmaps-cleared-vmcs", cleared_vmcs},
    {"bitmaps-by-operands", by_operands},
    {"bitmaps-by-exit-msr-store", by_exit_msr_store},
    {"bitmaps-by-l2", by_l2},
    {"bitmaps-by-l2-without-ept", by_l2_without_ept},
    {"bitmaps-by-virtual-apic", by_virtual_apic},
};

}  // namespace

constexpr Topic bitmap_tests = topic(cases);

}  // namespace micro
