// EPT12: violations and their words, misconfiguration, execute-only, accessed and dirty bits, large pages,
// changes with INVEPT.
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "tests/test.hpp"

namespace micro {

using namespace kit;
namespace {

// Exit qualification of an EPT violation (SDM 3C table 28-7).
constexpr u64 by_read = bit(0), by_write = bit(1), by_fetch = bit(2);
constexpr u64 was_readable = bit(3), was_writable = bit(4), was_executable = bit(5);
constexpr u64 linear_valid = bit(7), final_access = bit(8);
constexpr u64 defined = 0x1BF;

constexpr u64 offset = 0x128;
constexpr u64 wb = ept_entry::write_back;

Page frames[3];
alignas(large_page_size) u8 large_frame[large_page_size];

void store(u64 at, u64 value) { *at_address<volatile u64>(at) = value; }
u64 load(u64 at) { return *at_address<const volatile u64>(at); }

Vcpu& guest(void (*code)(), const VcpuOptions& options = {}) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(code), options);
    return vcpu;
}

void again(Vcpu& vcpu, void (*code)(), u64 address) {
    vcpu.go_to(code);
    vcpu.registers.rdi = address;
}

void invalidate() {
    const InvalidationDescriptor descriptor = {vmread(field::eptp), 0};
    if (!invept(static_cast<u64>(InvalidationType::single_context), descriptor).succeeded())
        give_up("INVEPT failed");
}

void expect_violation(Report& report, const Exit& exit, u64 qualification, u64 physical) {
    report.expect_exit(exit, reason::ept_violation);
    report.expect("qualification", qualification, exit.qualification & defined);
    report.expect("guest-physical address", physical, exit.guest_physical);
    report.expect("guest-linear address", physical, exit.guest_linear);
}

void absent_page(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 address = Ept::window + 3 * page_size + offset;
    report.about("read");
    again(vcpu, &l2_read, address);
    expect_violation(report, vcpu.run(), by_read | linear_valid | final_access, address);
    report.about("write");
    again(vcpu, &l2_write, address);
    expect_violation(report, vcpu.run(), by_write | linear_valid | final_access, address);
    report.about("fetch");
    again(vcpu, &l2_jump, address);
    expect_violation(report, vcpu.run(), by_fetch | linear_valid | final_access, address);
}

void protected_page(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 address = Ept::window + offset;
    vcpu.ept.window_entry(0) = frames[0].address() | ept_entry::read | wb;
    report.about("write to a read-only page");
    again(vcpu, &l2_write, address);
    expect_violation(report, vcpu.run(), by_write | was_readable | linear_valid | final_access, address);
    report.about("fetch from a read-only page");
    again(vcpu, &l2_jump, address);
    expect_violation(report, vcpu.run(), by_fetch | was_readable | linear_valid | final_access, address);
    report.about("read of a read-only page");
    store(frames[0].address() + offset, 0x600D);
    again(vcpu, &l2_read, address);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("value", 0x600D, vcpu.registers.rax);
    report.about("fetch from a writable page");
    vcpu.ept.window_entry(1) = frames[1].address() | ept_entry::read | ept_entry::write | wb;
    again(vcpu, &l2_jump, address + page_size);
    expect_violation(report, vcpu.run(), by_fetch | was_readable | was_writable | linear_valid | final_access,
                     address + page_size);
}

// The same instruction goes on after L1 has mapped the page.
void map_on_demand(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    for (u64 page = 0; page < 3; ++page) {
        const u64 address = Ept::window + page * page_size + offset;
        store(frames[page].address() + offset, 100 + page);
        again(vcpu, &l2_read_write, address);
        report.expect_exit(vcpu.run(), reason::ept_violation);
        vcpu.ept.window_entry(page) = frames[page].address() | ept_entry::all | wb;
        report.expect_exit(vcpu.run(), reason::vmcall);
        report.expect("the frame that L1 chose", 101 + page, load(frames[page].address() + offset));
    }
}

void walk_of_absent_tables(Report& report) {
    Vcpu& vcpu = guest(&l2_mov_cr3);
    vcpu.registers.rdi = Ept::window + page_size;  // L2's page tables would be there
    const Exit exit = vcpu.run();
    report.expect_exit(exit, reason::ept_violation);
    report.expect("not the final access", 0, exit.qualification & final_access);
    report.expect("linear address valid", linear_valid, exit.qualification & linear_valid);
    report.expect("on the page of the tables", Ept::window + page_size,
                  exit.guest_physical & ~(page_size - 1));
}

void misconfiguration(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 frame = frames[0].address();
    struct Case {
        const char* name;
        u64 entry;
    };
    const Case bad[] = {
        {"write without read", frame | ept_entry::write | wb},
        {"write and execute without read", frame | ept_entry::write | ept_entry::execute | wb},
        {"memory type 2", frame | ept_entry::all | 2 << 3},
        {"memory type 7", frame | ept_entry::all | 7 << 3},
        {"address beyond physical memory", frame | ept_entry::all | wb | bit(51)},
    };
    for (const Case& c : bad) {
        report.about(c.name);
        vcpu.ept.window_entry(0) = c.entry;
        invalidate();
        again(vcpu, &l2_read, Ept::window + offset);
        const Exit exit = vcpu.run();
        report.expect_exit(exit, reason::ept_misconfiguration);
        report.expect("guest-physical address", Ept::window + offset, exit.guest_physical);
    }
}

void execute_only(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 code = reinterpret_cast<u64>(&l2_nothing);
    const u64 address = Ept::window + code % page_size;
    vcpu.ept.window_entry(0) = (code & ~(page_size - 1)) | ept_entry::execute | wb;
    again(vcpu, &l2_jump, address);
    const Exit exit = vcpu.run();
    if ((rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_execute_only) == 0) {
        return report.expect_exit(exit, reason::ept_misconfiguration);
    }
    report.expect_exit(exit, reason::vmcall);
    again(vcpu, &l2_read, address);
    expect_violation(report, vcpu.run(), by_read | was_executable | linear_valid | final_access, address);
}

void accessed_and_dirty(Report& report) {
    if ((rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) == 0) return report.skip("no A/D bits here");
    Vcpu& vcpu = guest(&l2_nothing, {.accessed_dirty = true});
    constexpr u64 both = ept_entry::accessed | ept_entry::dirty;
    vcpu.ept.window_entry(0) = frames[0].address() | ept_entry::all | wb;
    vcpu.ept.window_entry(1) = frames[1].address() | ept_entry::all | wb;
    again(vcpu, &l2_read, Ept::window);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("a read sets A only", ept_entry::accessed, vcpu.ept.window_entry(0) & both);
    report.expect("the neighbour has none", 0, vcpu.ept.window_entry(1) & both);
    again(vcpu, &l2_write, Ept::window);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("a write sets D", both, vcpu.ept.window_entry(0) & both);
    again(vcpu, &l2_write, Ept::window + page_size);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("a first write sets both", both, vcpu.ept.window_entry(1) & both);

    report.about("cleared again");
    vcpu.ept.window_entry(0) &= ~both;
    invalidate();
    again(vcpu, &l2_write, Ept::window);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("set again", both, vcpu.ept.window_entry(0) & both);
}

void no_accessed_dirty_unless_asked(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    vcpu.ept.window_entry(0) = frames[0].address() | ept_entry::all | wb;
    again(vcpu, &l2_write, Ept::window);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("the entry is untouched", frames[0].address() | ept_entry::all | wb,
                  vcpu.ept.window_entry(0));
}

void large_page(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 frame = address_of(large_frame);
    const u64 address = Ept::large_window + 0x123458;
    again(vcpu, &l2_read, address);
    expect_violation(report, vcpu.run(), by_read | linear_valid | final_access, address);
    vcpu.ept.large_window_entry() = frame | ept_entry::all | wb | ept_entry::large;
    for (const u64 at : {u64{0}, u64{0x123458}, large_page_size - 8}) {
        store(frame + at, at ^ 0xFACE);
        again(vcpu, &l2_read, Ept::large_window + at);
        report.expect_exit(vcpu.run(), reason::vmcall);
        report.expect("value", at ^ 0xFACE, vcpu.registers.rax);
    }
    report.about("misaligned large page");
    // Bit 13: bit 12, which is reserved just as well, is not looked at by Bochs 2.7.
    vcpu.ept.large_window_entry() |= 2 * page_size;
    invalidate();
    again(vcpu, &l2_read, address);
    report.expect_exit(vcpu.run(), reason::ept_misconfiguration);
}

// One GiB of L2 is the lowest GiB of L1.
void huge_page(Report& report) {
    if ((rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_1g_pages) == 0)
        return report.skip("no 1 GiB pages in EPT here");
    Vcpu& vcpu = guest(&l2_nothing);
    vcpu.ept.hidden_gib_entry() = ept_entry::all | wb | ept_entry::large;
    for (const Page& frame : frames) {
        store(frame.address() + offset, frame.address());
        again(vcpu, &l2_read_write, Ept::hidden_gib + frame.address() + offset);
        report.expect_exit(vcpu.run(), reason::vmcall);
        report.expect("value", frame.address() + 1, load(frame.address() + offset));
    }
    report.about("misaligned");
    vcpu.ept.hidden_gib_entry() |= large_page_size;
    invalidate();
    again(vcpu, &l2_read, Ept::hidden_gib);
    report.expect_exit(vcpu.run(), reason::ept_misconfiguration);
}

void remap(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    for (u64 i = 0; i < 3; ++i) store(frames[i].address(), 0xA0 + i);
    for (const u64 frame : {u64{0}, u64{1}, u64{2}, u64{0}}) {
        vcpu.ept.window_entry(0) = frames[frame].address() | ept_entry::all | wb;
        invalidate();
        again(vcpu, &l2_read, Ept::window);
        report.expect_exit(vcpu.run(), reason::vmcall);
        report.expect("value in the frame of now", 0xA0 + frame, vcpu.registers.rax);
    }
}

void take_rights_away(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    const u64 frame = frames[0].address();
    vcpu.ept.window_entry(0) = frame | ept_entry::all | wb;
    again(vcpu, &l2_write, Ept::window);
    report.expect_exit(vcpu.run(), reason::vmcall);
    vcpu.ept.window_entry(0) = frame | ept_entry::read | wb;
    invalidate();
    again(vcpu, &l2_write, Ept::window);
    expect_violation(report, vcpu.run(), by_write | was_readable | linear_valid | final_access, Ept::window);
    vcpu.ept.window_entry(0) = 0;
    invalidate();
    again(vcpu, &l2_read, Ept::window);
    expect_violation(report, vcpu.run(), by_read | linear_valid | final_access, Ept::window);
}

// Two EPT12s, one VMCS: each EPTP shows its own frames, without INVEPT.
void switch_eptp(Report& report) {
    Vcpu& second = other_vcpu();
    second.build(reinterpret_cast<const void*>(&l2_nothing), {.vpid = 2});
    Vcpu& vcpu = guest(&l2_nothing);
    vcpu.ept.window_entry(0) = frames[0].address() | ept_entry::all | wb;
    second.ept.window_entry(0) = frames[1].address() | ept_entry::all | wb;
    store(frames[0].address(), 0x111);
    store(frames[1].address(), 0x222);
    for (int turn = 0; turn < 4; ++turn) {
        vmwrite(field::eptp, turn % 2 == 0 ? vcpu.ept.pointer() : second.ept.pointer());
        again(vcpu, &l2_read, Ept::window);
        report.expect_exit(vcpu.run(), reason::vmcall);
        report.expect("value", turn % 2 == 0 ? 0x111 : 0x222, vcpu.registers.rax);
    }
}

// What one L2 writes, L1 and another L2 read.
void memory_is_shared(Report& report) {
    Vcpu& vcpu = guest(&l2_nothing);
    vcpu.ept.window_entry(0) = frames[0].address() | ept_entry::all | wb;
    vcpu.ept.window_entry(1) = frames[0].address() | ept_entry::all | wb;
    again(vcpu, &l2_write, Ept::window + 8);
    vcpu.registers.rsi = 0xD00D;
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L1 sees it", 0xD00D, load(frames[0].address() + 8));
    again(vcpu, &l2_read, Ept::window + page_size + 8);
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("L2 sees it at the alias", 0xD00D, vcpu.registers.rax);
}

void without_ept(Report& report) {
    Vcpu& vcpu = guest(&l2_read, {.with_ept = false});
    store(frames[0].address(), 0x5AFE);
    vcpu.registers.rdi = frames[0].address();
    report.expect_exit(vcpu.run(), reason::vmcall);
    report.expect("value", 0x5AFE, vcpu.registers.rax);
}

constexpr TestCase cases[] = {
    {"ept-absent-page", absent_page},
    {"ept-protected-page", protected_page},
    {"ept-map-on-demand", map_on_demand},
    {"ept-walk-of-absent-tables", walk_of_absent_tables},
    {"ept-misconfiguration", misconfiguration},
    {"ept-execute-only", execute_only},
    {"ept-accessed-dirty", accessed_and_dirty},
    {"ept-no-accessed-dirty", no_accessed_dirty_unless_asked},
    {"ept-large-page", large_page},
    {"ept-huge-page", huge_page},
    {"ept-remap", remap},
    {"ept-take-rights-away", take_rights_away},
    {"ept-switch-eptp", switch_eptp},
    {"ept-memory-is-shared", memory_is_shared},
    {"l2-without-ept", without_ept},
};

}  // namespace

constexpr Topic ept_tests = topic(cases);

}  // namespace micro
