// The four PDPTEs of PAE paging: as an entry loads them, with EPT from the VMCS and else from memory, and as
// L2's own MOV to CR3 does (SDM 3C 27.3.2.4, 27.3.1.6, 3A 4.4.1).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/modes/modes.hpp"

namespace conformance::modes {

extern "C" const ModeForm mode_forms[];

namespace {

constexpr Mode pae_mode = {"pae", Width::bits32, Paging::pae, true, false, false};
constexpr Field pdpte_fields[] = {field::guest_pdpte_0, field::guest_pdpte_1, field::guest_pdpte_2,
                                  field::guest_pdpte_3};

struct alignas(32) Pdptes {
    u64 entry[4];
};
Pdptes other;

struct Change {
    const char* name;
    u64 number;
    u64 set, clear;
};

constexpr u64 present = bit(0);
constexpr Change changes[] = {
    {"usual", 0, 0, 0},
    {"first-absent", 0, 0, present},
    {"second-absent", 1, 0, present},
    {"third-reserved-bit-absent", 2, bit(1), 0},
    {"third-reserved-bit", 2, present | bit(1), 0},
    {"third-bit-2", 2, present | bit(2), 0},
    {"third-write-through", 2, present | bit(3), 0},
    {"third-cache-disable", 2, present | bit(4), 0},
    {"third-bit-5", 2, present | bit(5), 0},
    {"third-bit-8", 2, present | bit(8), 0},
    {"third-ignored-bits", 2, present | bit(9) | bit(11), 0},
    {"fourth-beyond-width", 3, present | bit(45), 0},
    {"fourth-bit-63", 3, present | bit(63), 0},
    {"third-beyond-memory", 2, present | bit(38), 0},
};

const ModeForm& form_named(const char* name) {
    const ModeForm* form = mode_forms;
    while (!same_text(form->name, name)) ++form;
    return *form;
}

void append_pdptes(Text& text) {
    for (const Field each : pdpte_fields) text.append(" pdpte=", hex(vmread(each)));
}

void enter_and_print(const Text& name, Vcpu& vcpu, bool with_ept) {
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited() && !answer.entry_failed()) {
        text.append(" rax=", hex(vcpu.registers.rax), " cr3=", hex(vmread(field::guest_cr3)));
        if (with_ept) append_pdptes(text);
    }
    print_case(topic, name, text);
}

void copy_tables(const Change& change) {
    const u64 root = vmread(field::guest_cr3);
    for (u64 i = 0; i < 4; ++i) other.entry[i] = pae_pointer(root, i);
    other.entry[change.number] = (other.entry[change.number] | change.set) & ~change.clear;
}

// An entry finds them so.
void at_entry(const Change& change, bool with_ept) {
    Vcpu& vcpu = start(pae_mode, form_named("read"), with_ept, {});
    copy_tables(change);
    vmwrite(field::guest_cr3, address_of(&other));
    for (u64 i = 0; i < 4; ++i) vmwrite(pdpte_fields[i], other.entry[i]);
    enter_and_print(Text("pdptes/at-entry/", change.name, with_ept ? "/ept" : "/no-ept"), vcpu, with_ept);
}

// With EPT what CR3 points at does not matter until L2 loads it.
void in_vmcs_only(const Change& change) {
    Vcpu& vcpu = start(pae_mode, form_named("read"), true, {});
    copy_tables(change);
    vmwrite(field::guest_cr3, address_of(&other));
    enter_and_print(Text("pdptes/in-memory-only/", change.name), vcpu, true);
}

// L2 loads CR3 with them.
void by_l2(const Change& change, bool with_ept) {
    Vcpu& vcpu = start(pae_mode, form_named("mov-to-cr3"), with_ept, {});
    copy_tables(change);
    vcpu.registers.rax = address_of(&other);
    enter_and_print(Text("pdptes/by-mov-to-cr3/", change.name, with_ept ? "/ept" : "/no-ept"), vcpu,
                    with_ept);
}

// MOV to CR3 takes them from a page that EPT does not map.
void from_absent_page() {
    Vcpu& vcpu = start(pae_mode, form_named("mov-to-cr3"), true, {});
    vcpu.registers.rax = absent_page + 0x20;
    enter_and_print(Text("pdptes/from-absent-page"), vcpu, true);
}

}  // namespace

void sweep_pdptes() {
    for (const Change& change : changes) {
        for (const bool with_ept : {true, false}) {
            at_entry(change, with_ept);
            by_l2(change, with_ept);
        }
        in_vmcs_only(change);
    }
    from_absent_page();
}

}  // namespace conformance::modes
