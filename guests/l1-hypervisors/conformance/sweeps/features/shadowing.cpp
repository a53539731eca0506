// VMCS shadowing: an L2 that executes VMREAD and VMWRITE on a shadow VMCS of L1's making (SDM
// 3C 25.10, 25.6.15).
#include "base/memory.hpp"
#include "sweeps/features/features.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_shadowed_reads[], forms_shadowed_writes[];

namespace {

constexpr u32 shadow_indicator = 1u << 31;
constexpr u64 no_link = ~u64{0};
constexpr u64 cookie = 0x1234567890ABCDEF;

Page shadow, vmread_bitmap, vmwrite_bitmap;

struct Target {
    const char* name;
    u64 encoding;
};

constexpr Target targets[] = {
    {"guest_rip", field::guest_rip.encoding},
    {"guest_es_selector", field::guest_es_selector.encoding},
    {"guest_es_limit", field::guest_es_limit.encoding},
    {"guest_pat", field::guest_pat.encoding},
    {"guest_pat_high", field::guest_pat.high().encoding},
    {"host_rip", field::host_rip.encoding},
    {"primary_controls", field::primary_controls.encoding},
    {"exit_reason", field::exit_reason.encoding},
    {"exit_qualification", field::exit_qualification.encoding},
    {"no-such-field", 0x6FFE},
    {"no-such-natural-high", field::guest_rip.high().encoding},
    {"beyond-15-bits", 0x8000},
    {"beyond-32-bits", bit(32) | field::guest_rip.encoding},
};

struct Interception {
    const char* name;
    bool read, write;
};
constexpr Interception interceptions[] = {
    {"neither", false, false}, {"reads", true, false}, {"writes", false, true}, {"both", true, true}};

void set_bit(Page& bitmap, u64 encoding) {
    constexpr u64 field_bits = 0x7FFF;
    const u64 number = encoding & field_bits;
    bitmap.bytes[number / 8] |= static_cast<u8>(1 << number % 8);
}

// A clear VMCS with the shadow indicator, whose fields hold the cookie where they can.
void make_shadow() {
    prepare_region(shadow);
    if (!vmclear(shadow.address()).succeeded()) give_up("VMCLEAR of the shadow failed");
    if (!vmptrld(shadow.address()).succeeded()) give_up("VMPTRLD of the shadow failed");
    for (const Target& target : targets) static_cast<void>(vmwrite_raw(target.encoding, cookie).succeeded());
    if (!vmclear(shadow.address()).succeeded()) give_up("VMCLEAR of the shadow failed");
    *at_address<u32>(shadow.address()) |= shadow_indicator;
}

void append_field_of_shadow(Text& text, u64 encoding) {
    if (!vmptrld(shadow.address()).succeeded()) {
        text.append(" shadow-cannot-be-loaded");
        return;
    }
    u64 value = 0;
    const VmxOutcome outcome = vmread_raw(encoding, value);
    if (outcome.succeeded()) text.append(" in-shadow=", hex(value));
    static_cast<void>(vmclear(shadow.address()).succeeded());
}

struct Situation {
    const char* name;
    u32 secondary;
    bool linked, user;
};

constexpr Situation situations[] = {
    {"on", secondary::vmcs_shadowing, true, false},
    {"user", secondary::vmcs_shadowing, true, true},
    {"no-link", secondary::vmcs_shadowing, false, false},
    {"off", 0, false, false},
};

void access(const Situation& s, const Interception& i, const Form& form, const Target& target) {
    const Text name("shadowing/", s.name, "/", i.name, "/", form.name, "/", target.name);
    if (!is_offered({.secondary = secondary::vmcs_shadowing})) return print_absent(topic, name);
    vmread_bitmap.clear();
    vmwrite_bitmap.clear();
    if (i.read) set_bit(vmread_bitmap, target.encoding);
    if (i.write) set_bit(vmwrite_bitmap, target.encoding);
    make_shadow();
    clear_scratch();
    Vcpu& vcpu = fresh(form.code, {.secondary = s.secondary});
    vmwrite(field::vmread_bitmap, vmread_bitmap.address());
    vmwrite(field::vmwrite_bitmap, vmwrite_bitmap.address());
    vmwrite(field::vmcs_link_pointer, s.linked ? shadow.address() : no_link);
    vcpu.registers.rsi = target.encoding;
    vcpu.registers.rdx = ~cookie;
    *at_address<u64>(address_of(scratch()) + 0x10) = ~cookie;
    if (s.user) run_at_user_level();
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_instruction_information);
    if (answer.exited()) {
        append_results(text, vcpu.registers);
        vmwrite(field::vmcs_link_pointer, no_link);
        append_field_of_shadow(text, target.encoding);
    }
    print_case(topic, name, text);
    vcpu.make_current();
}

// A shadow VMCS is for VMREAD and VMWRITE only.
void enter_shadow(bool launch) {
    const Text name("shadowing/", launch ? "vmlaunch" : "vmresume", "-of-a-shadow");
    if (!is_offered({.secondary = secondary::vmcs_shadowing})) return print_absent(topic, name);
    make_shadow();
    if (!vmptrld(shadow.address()).succeeded()) return print_case(topic, name, Text("not-loaded"));
    const VmxOutcome outcome = launch ? vmlaunch_raw() : vmresume_raw();
    print_case(topic, name, words(outcome));
    static_cast<void>(vmclear(shadow.address()).succeeded());
}

void load_shadow() {
    const Text name("shadowing/vmptrld-of-a-shadow");
    prepare_region(shadow);
    *at_address<u32>(shadow.address()) |= shadow_indicator;
    Vcpu& vcpu = fresh(&l2_finish);
    print_case(topic, name, words(vmptrld(shadow.address())));
    static_cast<void>(vmclear(shadow.address()).succeeded());
    vcpu.make_current();
}

}  // namespace

void sweep_shadowing() {
    for (const Situation& situation : situations)
        for (const Interception& interception : interceptions)
            for (const Target& target : targets) {
                for (const Form* form = forms_shadowed_reads; form->name != nullptr; ++form)
                    access(situation, interception, *form, target);
                for (const Form* form = forms_shadowed_writes; form->name != nullptr; ++form)
                    access(situation, interception, *form, target);
            }
    enter_shadow(true);
    enter_shadow(false);
    load_shadow();
}

}  // namespace conformance::features
