// Knobs that are turned under active VMCSs and between an exit and its VMRESUME: nothing that L1 wrote is
// lost, and an L2 goes on where it was. Everything here is skipped where there is no Kurma.
#include "cpu/instructions.hpp"
#include "kurma/control_call.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "tests/cookies.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

constexpr const char* no_kurma = "Kurma is absent";
constexpr const char* accesses[] = {"vmcs_access=trap", "vmcs_access=shadow-copy",
                                    "vmcs_access=shadow-direct"};
constexpr u64 vmcs_count = 6;
constinit Page regions[vmcs_count] = {};

// Turns a knob back at the end of a case.
class KnobAsItWas {
  public:
    explicit KnobAsItWas(const char* knob) {
        ask("get ", knob);
        read_answer(before_, sizeof before_);
        // The answer is a line, a request is not.
        for (char& c : before_)
            if (c == '\n') c = '\0';
    }
    ~KnobAsItWas() { set_knob(before_); }
    KnobAsItWas(const KnobAsItWas&) = delete;
    KnobAsItWas& operator=(const KnobAsItWas&) = delete;

  private:
    char before_[64] = {};
};

// Every way for L1 to reach its VMCS followed by every way, as far as the processor has them.
template <typename Body>
void for_each_change(Report& report, Body body) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const KnobAsItWas access{"vmcs_access"};
    const u64 possible = set_knob("vmcs_access=shadow-direct") ? 9 : 1;
    u64 changes = 0;
    for (const char* from : accesses) {
        for (const char* to : accesses) {
            if (!set_knob(to) || !set_knob(from)) continue;
            body(from, to);
            ++changes;
        }
    }
    report.expect("ordered pairs", possible, changes);
}

void load(Report& report, u64 i) { report.expect("VMPTRLD", vmptrld(regions[i].address()).succeeded()); }

void clear(Report& report, u64 i) { report.expect("VMCLEAR", vmclear(regions[i].address()).succeeded()); }

u64 exits_of_a_vmread() {
    const Totals before = latch_totals();
    static_cast<void>(vmread(field::guest_rip));
    const Totals after = latch_totals();
    return after.of[static_cast<u64>(Total::exits)] - before.of[static_cast<u64>(Total::exits)];
}

void access_changes_at_once(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const KnobAsItWas access{"vmcs_access"};
    use(report, regions[0]);
    for (const bool again : {false, true}) {
        report.about(again ? "again" : "");
        report.expect("trap", set_knob("vmcs_access=trap"));
        report.expect("an exit", 1, exits_of_a_vmread());
        for (const char* shadowing : {"vmcs_access=shadow-copy", "vmcs_access=shadow-direct"})
            if (set_knob(shadowing)) report.expect("no exit", 0, exits_of_a_vmread());
    }
}

// With three VMCSs active, the second of them current.
void access_changes_keep_fields(Report& report) {
    u64 salt = 0;
    for_each_change(report, [&](const char*, const char* to) {
        ++salt;
        for (u64 i = 0; i < 3; ++i) {
            use(report, regions[i]);
            write_cookies(report, 8 * salt + i);
        }
        load(report, 1);
        vmwrite(field::guest_rip, salt);
        report.expect("changed", set_knob(to));
        report.about("the current one");
        report.expect("RIP", salt, vmread(field::guest_rip));
        vmwrite(field::guest_rip, cookie_of(field::guest_rip, 8 * salt + 1));
        expect_cookies(report, 8 * salt + 1);
        for (const u64 i : {u64{2}, u64{0}, u64{1}}) {
            load(report, i);
            expect_cookies(report, 8 * salt + i);
        }
        for (u64 i = 0; i < 3; ++i) clear(report, i);
        load(report, 2);
        expect_cookies(report, 8 * salt + 2);
    });
}

// What L1 wrote the old way is in the memory of a VMCS that is cleared the new way.
void access_changes_before_vmclear(Report& report) {
    u64 salt = 0;
    for_each_change(report, [&](const char* from, const char* to) {
        use(report, regions[0]);
        write_cookies(report, ++salt);
        report.expect("changed", set_knob(to));
        clear(report, 0);
        report.expect("changed back", set_knob(from));
        load(report, 0);
        expect_cookies(report, salt);
    });
}

void access_changes_without_a_current_vmcs(Report& report) {
    for_each_change(report, [&](const char*, const char* to) {
        use(report, regions[0]);
        vmwrite(field::guest_rsp, 0x1234);
        load(report, 0);
        use(report, regions[1]);
        clear(report, 1);
        report.expect("changed", set_knob(to));
        load(report, 0);
        report.expect("RSP", 0x1234, vmread(field::guest_rsp));
        leave_vmx_operation();
        report.expect("VMXON again", enter_vmx_operation());
    });
}

// SDM 3D appendix A.6: where VMWRITE reaches exit information, what L1 writes there stays.
void access_changes_keep_written_exit_information(Report& report) {
    u64 value = 0x1000;
    for_each_change(report, [&](const char*, const char* to) {
        use(report, regions[0]);
        if (!vmwrite_raw(field::exit_qualification.encoding, ++value).succeeded()) return;
        report.expect("as written", value, vmread(field::exit_qualification));
        report.expect("changed", set_knob(to));
        report.expect("after the change", value, vmread(field::exit_qualification));
        vmwrite(field::exit_qualification, ++value);
        report.expect("as written then", value, vmread(field::exit_qualification));
    });
}

using Snapshot = u64[sizeof all_fields / sizeof all_fields[0]];

void take(Snapshot& snapshot) {
    u64* value = snapshot;
    for (const NamedField& named : all_fields) {
        if (is_supported(named.field)) *value = vmread(named.field);
        ++value;
    }
}

void expect_same(Report& report, const Snapshot& snapshot) {
    const u64* value = snapshot;
    for (const NamedField& named : all_fields) {
        report.about(named.name);
        if (is_supported(named.field)) report.expect("as before the change", *value, vmread(named.field));
        ++value;
    }
    report.about("");
}

Vcpu& guest(void (*code)()) {
    Vcpu& vcpu = test_vcpu();
    vcpu.build(reinterpret_cast<const void*>(code));
    return vcpu;
}

// Between the exit and L1's reads, and between its write of RIP and VMRESUME; every field is what it was.
void access_changes_between_exit_and_entry(Report& report) {
    for_each_change(report, [&](const char* from, const char* to) {
        Vcpu& vcpu = guest(&l2_cpuid);
        report.expect_exit(vcpu.run(), reason::cpuid);
        static Snapshot snapshot;
        take(snapshot);
        report.expect("changed", set_knob(to));
        expect_same(report, snapshot);
        vcpu.skip_instruction();
        const u64 rip = vmread(field::guest_rip);
        report.expect("changed back", set_knob(from));
        report.expect("RIP as written", rip, vmread(field::guest_rip));
        report.expect_exit(vcpu.run(), reason::vmcall);
        vcpu.go_to(&l2_cpuid);
        report.expect("changed again", set_knob(to));
        report.expect_exit(vcpu.run(), reason::cpuid);
    });
}

// A control that L1 wrote the one way is in force in an entry the other way.
void access_changes_keep_controls(Report& report) {
    for_each_change(report, [&](const char* from, const char* to) {
        Vcpu& vcpu = guest(&l2_rdtsc);
        const u64 usual = vmread(field::primary_controls);
        report.expect_exit(vcpu.run(), reason::vmcall);
        vmwrite(field::primary_controls, usual | primary::rdtsc);
        report.expect("changed", set_knob(to));
        vcpu.go_to(&l2_rdtsc);
        report.expect_exit(vcpu.run(), reason::rdtsc);
        vmwrite(field::primary_controls, usual);
        report.expect("changed back", set_knob(from));
        vcpu.skip_instruction();
        report.expect_exit(vcpu.run(), reason::vmcall);
    });
}

// After an entry that fails late, and after one that fails early.
void access_changes_after_failed_entries(Report& report) {
    for_each_change(report, [&](const char*, const char* to) {
        Vcpu& vcpu = guest(&l2_nothing);
        const u64 rflags = vmread(field::guest_rflags);
        vmwrite(field::guest_rflags, 0);
        report.expect_exit(vcpu.run(), reason::entry_failed | reason::invalid_guest_state);
        vmwrite(field::cr3_target_count, 99);
        vmwrite(field::guest_rsp, vmread(field::guest_rsp) - 8);
        const u64 rsp = vmread(field::guest_rsp);
        report.expect("refused early", vcpu.run().kind == Exit::Kind::failed_valid);
        report.expect("changed", set_knob(to));
        report.expect("exit reason", reason::entry_failed | reason::invalid_guest_state,
                      vmread(field::exit_reason));
        report.expect("RFLAGS", 0, vmread(field::guest_rflags));
        report.expect("RSP", rsp, vmread(field::guest_rsp));
        report.expect("error", vm_error::entry_controls, vmread(field::vm_instruction_error));
        vmwrite(field::guest_rflags, rflags);
        vmwrite(field::cr3_target_count, 0);
        vmwrite(field::guest_rsp, rsp + 8);
        report.expect_exit(vcpu.run(), reason::vmcall);
    });
}

void expect_all_cookies(Report& report, u64 salt) {
    for (u64 i = 0; i < vmcs_count; ++i) {
        load(report, i);
        expect_cookies(report, salt + i);
    }
}

// With less room than VMCSs: each VMPTRLD writes another back. With less room from one moment to the next:
// all but the current one are.
void room_changes_keep_fields(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const KnobAsItWas room{"vmcs02_cache"};
    for_each_change(report, [&](const char*, const char* to) {
        set_knob("vmcs02_cache=16");
        for (u64 i = 0; i < vmcs_count; ++i) {
            use(report, regions[i]);
            write_cookies(report, i);
        }
        load(report, 3);
        vmwrite(field::guest_rip, 0xABCD);
        report.expect("less room", set_knob("vmcs02_cache=2"));
        report.expect("the current one stays", 0xABCD, vmread(field::guest_rip));
        vmwrite(field::guest_rip, cookie_of(field::guest_rip, 3));
        expect_all_cookies(report, 0);
        report.expect("changed", set_knob(to));
        report.expect("room for one", set_knob("vmcs02_cache=1"));
        expect_all_cookies(report, 0);
        report.expect("room for three", set_knob("vmcs02_cache=3"));
        expect_all_cookies(report, 0);
    });
}

void two_guests_share_one_room(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const KnobAsItWas room{"vmcs02_cache"};
    Vcpu* const vcpus[] = {&test_vcpu(), &other_vcpu()};
    for (Vcpu* vcpu : vcpus) vcpu->build(reinterpret_cast<const void*>(&l2_cpuid));
    for (const char* count : {"vmcs02_cache=16", "vmcs02_cache=1", "vmcs02_cache=2"}) {
        report.about(count);
        report.expect("set", set_knob(count));
        for (Vcpu* vcpu : vcpus) {
            vcpu->make_current();
            vcpu->go_to(&l2_cpuid);
            report.expect_exit(vcpu->run(), reason::cpuid);
        }
        for (Vcpu* vcpu : vcpus) {
            vcpu->make_current();
            vcpu->skip_instruction();
            report.expect_exit(vcpu->run(), reason::vmcall);
        }
    }
}

u64 flushes_of_a_round(Report& report, Vcpu& vcpu) {
    const Totals before = latch_totals();
    report.expect_exit(vcpu.run(), reason::vmcall);
    const Totals after = latch_totals();
    constexpr u64 invvpid = static_cast<u64>(Total::invvpid);
    return after.of[invvpid] - before.of[invvpid];
}

void tag_of_l2_changes(Report& report) {
    if (!kurma_is_present()) return report.skip(no_kurma);
    const KnobAsItWas tag{"vpid_l2"};
    report.expect("own", set_knob("vpid_l2=own"));
    Vcpu& vcpu = guest(&l2_finish);
    if ((vmread(field::secondary_controls) & secondary::vpid) == 0) return report.skip("no VPID");
    flushes_of_a_round(report, vcpu);
    report.expect("with a tag of its own", 0, flushes_of_a_round(report, vcpu));
    report.expect("flush", set_knob("vpid_l2=flush"));
    report.expect("at the entry and at the exit", 2, flushes_of_a_round(report, vcpu));
    report.expect("each time", 2, flushes_of_a_round(report, vcpu));
    report.expect("own again", set_knob("vpid_l2=own"));
    report.expect("the tag is old", 1, flushes_of_a_round(report, vcpu));
    report.expect("and then good", 0, flushes_of_a_round(report, vcpu));
}

constexpr TestCase cases[] = {
    {"kurma-knobs-access-at-once", access_changes_at_once},
    {"kurma-knobs-access-keeps-fields", access_changes_keep_fields},
    {"kurma-knobs-access-before-vmclear", access_changes_before_vmclear},
    {"kurma-knobs-access-without-current-vmcs", access_changes_without_a_current_vmcs},
    {"kurma-knobs-access-keeps-exit-information", access_changes_keep_written_exit_information},
    {"kurma-knobs-access-between-exit-and-entry", access_changes_between_exit_and_entry},
    {"kurma-knobs-access-keeps-controls", access_changes_keep_controls},
    {"kurma-knobs-access-after-failed-entries", access_changes_after_failed_entries},
    {"kurma-knobs-cache-keeps-fields", room_changes_keep_fields},
    {"kurma-knobs-cache-of-one", two_guests_share_one_room},
    {"kurma-knobs-vpid-of-l2", tag_of_l2_changes},
};

}  // namespace

constexpr Topic knob_tests = topic(cases);

}  // namespace micro
