// Instructions without a bitmap of their own: always intercepted, or by one control.
#include "cpu/instructions.hpp"

#include "cpu/segments.hpp"
#include "sweeps/exits/exits.hpp"
#include "vmx/operation.hpp"

namespace conformance::exits {

extern "C" const Form forms_always[], forms_hlt[], forms_invlpg[], forms_rdpmc[], forms_rdtsc[],
    forms_pause[], forms_wbinvd[], forms_rdrand[], forms_rdseed[], forms_invpcid[], forms_monitor[],
    forms_mwait[], forms_load_tables[], forms_store_tables[], forms_xsaves[];

namespace {

constexpr u64 fs_base = 0x40, gs_base = 0x80;
constexpr u32 instruction_information = with_instruction_information;

// Whether L2 may go on with the instruction, and what of its results is the same in every run.
enum class Free { never, silent, shows_registers, shows_tables };

struct Group {
    const Form* forms;
    VcpuOptions intercepting;  // the control that makes them exit, and what they need to exist
    VcpuOptions free;          // only the latter
    Free without_control;
    const char* variant = "";
    u64 rdx = 0;
};

constexpr Group groups[] = {
    {forms_always, {}, {}, Free::never},
    // Not without the control: a halted L2 with RFLAGS.IF = 0 never wakes on Bochs.
    {forms_hlt, {}, {}, Free::never},
    {forms_invlpg, {.primary = primary::invlpg}, {}, Free::shows_registers},
    {forms_rdpmc, {.primary = primary::rdpmc}, {}, Free::never},
    {forms_rdtsc,
     {.primary = primary::rdtsc, .secondary = secondary::rdtscp},
     {.secondary = secondary::rdtscp},
     Free::silent},
    {forms_rdtsc, {.primary = primary::rdtsc}, {}, Free::silent, "-without-rdtscp"},
    {forms_pause, {.primary = primary::pause}, {}, Free::shows_registers},
    {forms_wbinvd, {.secondary = secondary::wbinvd}, {}, Free::shows_registers},
    {forms_rdrand, {.secondary = secondary::rdrand}, {}, Free::silent},
    {forms_rdseed, {.secondary = secondary::rdseed}, {}, Free::silent},
    {forms_invpcid,
     {.primary = primary::invlpg, .secondary = secondary::invpcid},
     {.secondary = secondary::invpcid},
     Free::shows_registers},
    {forms_invpcid, {.primary = primary::invlpg}, {}, Free::shows_registers, "-without-invpcid"},
    {forms_monitor, {.primary = primary::monitor}, {}, Free::never},
    {forms_mwait, {.primary = primary::mwait}, {}, Free::never},
    {forms_load_tables, {.secondary = secondary::descriptor_table}, {}, Free::shows_tables, "", task},
    {forms_store_tables, {.secondary = secondary::descriptor_table}, {}, Free::shows_registers},
};

enum class Level { kernel, user };

void append_tables(Text& text) {
    text.append(" gdtr=", hex(vmread(field::guest_gdtr_base)), "+", hex(vmread(field::guest_gdtr_limit)),
                " idtr=", hex(vmread(field::guest_idtr_base)), "+", hex(vmread(field::guest_idtr_limit)),
                " ldtr=", hex(vmread(field::guest_ldtr_selector)),
                " tr=", hex(vmread(field::guest_tr_selector)));
}

Vcpu& prepare(const Form& form, const Group& group, const VcpuOptions& options) {
    clear_scratch();
    Vcpu& vcpu = fresh(form.code, options);
    vmwrite(field::guest_fs_base, fs_base);
    vmwrite(field::guest_gs_base, gs_base);
    vcpu.registers.rax = 0x1111;
    vcpu.registers.rdx = group.rdx;
    return vcpu;
}

void enter_intercepted(const Form& form, const Group& group) {
    const Text kernel_name(form.name, group.variant, "/intercepted"),
        user_name(form.name, group.variant, "/user");
    if (!is_offered(group.intercepting)) {
        print_absent(topic, kernel_name);
        return print_absent(topic, user_name);
    }
    print_entry(topic, kernel_name, prepare(form, group, group.intercepting), instruction_information);
    Vcpu& vcpu = prepare(form, group, group.intercepting);
    run_at_user_level();
    print_entry(topic, user_name, vcpu, instruction_information);
}

void enter_free(const Form& form, const Group& group) {
    if (group.without_control == Free::never) return;
    const Text name(form.name, group.variant, "/free");
    if (!is_offered(group.free)) return print_absent(topic, name);
    Vcpu& vcpu = prepare(form, group, group.free);
    const Answer answer = enter(vcpu);
    Text text = words(answer, instruction_information);
    if (answer.exited() && group.without_control != Free::silent) append_results(text, vcpu.registers);
    if (answer.exited() && group.without_control == Free::shows_tables) append_tables(text);
    print_case(topic, name, text);
}

}  // namespace

void sweep_instructions() {
    for (const Group& group : groups) {
        for (const Form* form = group.forms; form->name != nullptr; ++form) {
            enter_intercepted(*form, group);
            enter_free(*form, group);
        }
    }
}

}  // namespace conformance::exits
