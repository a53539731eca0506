// Accesses to control registers: guest/host masks, read shadows, CR3 targets (SDM 3C 26.1.3, 26.3, table
// 28-3).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "sweeps/exits/exits.hpp"
#include "vmx/operation.hpp"

namespace conformance::exits {

extern "C" const Form forms_cr0[], forms_cr4[], forms_task_switched[], forms_load_cr3[], forms_store_cr3[],
    forms_one_load_cr3[];

namespace {

constexpr u64 cr4_pcide = bit(17);

struct Register {
    const char* name;
    const Form* forms;
    Field guest, mask, shadow;
};

constexpr Register cr0 = {"cr0", forms_cr0, field::guest_cr0, field::cr0_mask, field::cr0_shadow};
constexpr Register cr4 = {"cr4", forms_cr4, field::guest_cr4, field::cr4_mask, field::cr4_shadow};

struct Bit {
    const char* name;
    unsigned number;
};

constexpr Bit cr0_bits[] = {{"pe", 0},  {"mp", 1},         {"em", 2},          {"ts", 3},  {"et", 4},
                            {"ne", 5},  {"reserved-6", 6}, {"wp", 16},         {"am", 18}, {"nw", 29},
                            {"cd", 30}, {"pg", 31},        {"reserved-32", 32}};

constexpr Bit cr4_bits[] = {
    {"vme", 0},          {"pvi", 1},       {"tsd", 2},    {"de", 3},       {"pse", 4},
    {"pae", 5},          {"mce", 6},       {"pge", 7},    {"pce", 8},      {"osfxsr", 9},
    {"osxmmexcpt", 10},  {"umip", 11},     {"la57", 12},  {"vmxe", 13},    {"smxe", 14},
    {"reserved-15", 15}, {"fsgsbase", 16}, {"pcide", 17}, {"osxsave", 18}, {"reserved-19", 19},
    {"smep", 20},        {"smap", 21},     {"pke", 22},   {"cet", 23},     {"reserved-32", 32}};

constexpr u64 with_bit(u64 value, u64 which, bool set) { return set ? value | which : value & ~which; }

// One bit of the register in everything it may be: in L2's real value, in the mask, in the shadow, in what L2
// writes.
void move(const Register& reg, const Bit& b, unsigned combination) {
    const bool real = (combination & 1) != 0, masked = (combination & 2) != 0,
               shadowed = (combination & 4) != 0, written = (combination & 8) != 0;
    const Text name(reg.name, "/", b.name, "/real-", u32{real}, "-mask-", u32{masked}, "-shadow-",
                    u32{shadowed}, "-written-", u32{written});
    clear_scratch();
    Vcpu& vcpu = fresh(reg.forms[0].code);
    const u64 which = bit(b.number), usual = vmread(reg.guest);
    vmwrite(reg.guest, with_bit(usual, which, real));
    vmwrite(reg.mask, masked ? which : 0);
    vmwrite(reg.shadow, with_bit(usual, which, shadowed));
    vcpu.registers.rsi = with_bit(usual, which, written);
    vcpu.registers.rax = 0;
    vcpu.registers.rdx = 0;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited() && !answer.entry_failed())
        text.append(" rax=", hex(vcpu.registers.rax), " rdx=", hex(vcpu.registers.rdx),
                    " real=", hex(vmread(reg.guest)));
    print_case(topic, name, text);
}

template <usize count>
void sweep_bits(const Register& reg, const Bit (&bits)[count]) {
    constexpr unsigned combinations = 16;
    for (const Bit& b : bits)
        for (unsigned combination = 0; combination < combinations; ++combination) move(reg, b, combination);
}

struct TaskSwitched {
    const char* name;
    u64 real, mask, shadow;
};

constexpr u64 low_four = 0xF;
constexpr TaskSwitched situations[] = {
    {"unmasked", 0, 0, 0},
    {"unmasked-set", cr0_ts, 0, 0},
    {"masked", 0, cr0_ts, 0},
    {"masked-set", cr0_ts, cr0_ts, 0},
    {"masked-shadowed", 0, cr0_ts, cr0_ts},
    {"masked-set-shadowed", cr0_ts, cr0_ts, cr0_ts},
    {"all-masked", 0, low_four, 0},
    {"all-masked-shadowed", 0, low_four, low_four},
    {"all-masked-pe-shadowed", 0, low_four, 1},
};

// CLTS and LMSW look at four bits only, and LMSW cannot clear PE.
void switch_task_bit(const TaskSwitched& s, const Form& form, u64 source) {
    const Text name("cr0/", form.name, "/", s.name, "/source-", hex(source));
    clear_scratch();
    Vcpu& vcpu = fresh(form.code);
    vmwrite(field::guest_cr0, vmread(field::guest_cr0) | s.real);
    vmwrite(field::cr0_mask, s.mask);
    vmwrite(field::cr0_shadow, s.shadow);
    vcpu.registers.rsi = source;
    *at_address<u64>(vcpu.registers.r12 + 4 + 2 * vcpu.registers.rcx) = source;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    append_results(text, vcpu.registers);
    text.append(" real=", hex(vmread(field::guest_cr0)));
    print_case(topic, name, text);
}

void sweep_task_switched() {
    constexpr u64 sources[] = {0x0, 0x1, 0x8, 0x9, 0xE, 0xF, 0xFFF1};
    for (const TaskSwitched& situation : situations)
        for (const Form* form = forms_task_switched; form->name != nullptr; ++form)
            for (const u64 source : sources) switch_task_bit(situation, *form, source);
}

void every_operand(const Form* forms, u32 control) {
    for (const Form* form = forms; form->name != nullptr; ++form) {
        Vcpu& vcpu = fresh(form->code, {.primary = control});
        print_entry(topic, Text("cr3/", form->name, "/intercepted"), vcpu);
        fresh(form->code, {.primary = control});
        run_at_user_level();
        print_entry(topic, Text("cr3/", form->name, "/user"), vcpu);
    }
}

struct Target {
    const char* name;
    u32 count;
    u64 difference;  // of the matching target from what L2 loads
};

constexpr Target targets[] = {{"none", 0, 0},
                              {"first", 1, 0},
                              {"last-of-4", 4, 0},
                              {"other", 4, page_size},
                              {"other-flags", 4, 1 << 3},
                              {"same-but-bit-63", 4, bit(63)}};

void load_cr3(const Target& target, bool exiting, bool process_identifiers, u64 loaded_extra) {
    const Text name("cr3/targets-", target.name, exiting ? "/exiting" : "/free",
                    process_identifiers ? "/pcid" : "", "/loads-", hex(loaded_extra));
    Vcpu& vcpu = fresh(forms_one_load_cr3[0].code, {.primary = exiting ? primary::cr3_load : 0});
    if (process_identifiers) vmwrite(field::guest_cr4, vmread(field::guest_cr4) | cr4_pcide);
    constexpr Field fields[] = {field::cr3_target_0, field::cr3_target_1, field::cr3_target_2,
                                field::cr3_target_3};
    const u64 tables = l2::page_tables();
    for (const Field each : fields) vmwrite(each, tables + 2 * page_size);
    vmwrite(field::cr3_target_count, target.count);
    if (target.count != 0) vmwrite(fields[target.count - 1], (tables | loaded_extra) ^ target.difference);
    vcpu.registers.rsi = tables | loaded_extra;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited() && !answer.entry_failed())
        text.append(" rax=", hex(vcpu.registers.rax), " real=", hex(vmread(field::guest_cr3)));
    print_case(topic, name, text);
}

void sweep_cr3() {
    every_operand(forms_load_cr3, primary::cr3_load);
    every_operand(forms_store_cr3, primary::cr3_store);
    constexpr u64 write_through = 1 << 3, identifier = 5;
    for (const Target& target : targets)
        for (const bool exiting : {true, false})
            for (const u64 extra : {u64{0}, write_through, bit(63), bit(51)}) {
                load_cr3(target, exiting, false, extra);
                load_cr3(target, exiting, true, extra | identifier);
            }
}

}  // namespace

void sweep_control_registers() {
    sweep_bits(cr0, cr0_bits);
    sweep_bits(cr4, cr4_bits);
    sweep_task_switched();
    sweep_cr3();
}

}  // namespace conformance::exits
