// Exceptions of L2 and the exception bitmap, with the page faults' mask and match (SDM
// 3C 26.2, 28.2.1, 28.2.2).
#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"
#include "sweeps/catcher.hpp"
#include "sweeps/exits/exits.hpp"

namespace conformance::exits {

extern "C" const Form forms_exceptions[], forms_nothing[], forms_read_r8[];

namespace {

constexpr u64 unmapped = u64{1} << 40, not_canonical = u64{1} << 63;
constexpr u64 dr7_reset = 0x400, dr6_reset = 0xFFFF0FF0;
constexpr u32 with_details = with_instruction_information | with_pending_debug;

struct Way {
    const char* name;
    u32 bitmap;
    bool user;
};

constexpr Way ways[] = {
    {"intercepted", every_exception, false},
    {"intercepted-user", every_exception, true},
    {"only-double-faults", 1 << 8, false},
    {"free", 0, false},
};

void reset_debug_registers() {
    asm volatile("mov %0, %%dr7\n mov %1, %%dr6" : : "r"(dr7_reset), "r"(dr6_reset));
}

Vcpu& prepare(const Form& form, u32 bitmap) {
    clear_scratch();
    reset_debug_registers();
    write_cr2(0);
    Vcpu& vcpu = fresh(form.code, {.exit = exit_control::save_debug, .entry = entry_control::load_debug});
    vmwrite(field::exception_bitmap, bitmap);
    catch_events();
    vcpu.registers.r8 = unmapped;
    vcpu.registers.r10 = not_canonical;
    vcpu.registers.r14 = task;  // a descriptor that is no segment's
    return vcpu;
}

void print(const Text& name, Vcpu& vcpu) {
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_details);
    append_caught(text);
    u64 dr6;
    asm volatile("mov %%dr6, %0" : "=r"(dr6));
    text.append(" cr2=", hex(read_cr2()), " dr6=", hex(dr6), " dr7=", hex(vmread(field::guest_dr7)));
    print_case(topic, name, text);
    reset_debug_registers();
}

void raise(const Form& form, const Way& way) {
    Vcpu& vcpu = prepare(form, way.bitmap);
    if (way.user) run_at_user_level();
    print(Text("exception/", form.name, "/", way.name), vcpu);
}

// SDM 3C 26.2: a page fault exits if ((error code & mask) == match) equals the bitmap's bit.
void filter_page_fault(const Form& form, u32 mask, u32 match, bool in_bitmap) {
    Vcpu& vcpu = prepare(form, in_bitmap ? 1u << vector_pf : 0);
    vmwrite(field::page_fault_mask, mask);
    vmwrite(field::page_fault_match, match);
    print(Text("page-fault/", form.name, "/mask-", hex(mask), "-match-", hex(match), "-bit-", u32{in_bitmap}),
          vcpu);
}

struct Breakpoint {
    const char* name;
    u64 dr7;
    bool on_code;
};

constexpr u64 enable_0 = 1 << 1, write_4 = u64{0xD} << 16, access_4 = u64{0xF} << 16;
constexpr Breakpoint breakpoints[] = {
    {"execution", enable_0, true},
    {"write", enable_0 | write_4, false},
    {"access", enable_0 | access_4, false},
    {"disabled", write_4, false},
};

// DR0 watches the code or the memory that the form touches; an exit may save DR7 and then clears it.
void hit_breakpoint(const Breakpoint& b, const Form& form, u32 bitmap) {
    Vcpu& vcpu = prepare(form, bitmap);
    const u64 watched = b.on_code ? vmread(field::guest_rip) : vcpu.registers.rdi;
    asm volatile("mov %0, %%dr0" : : "r"(watched));
    vmwrite(field::guest_dr7, dr7_reset | b.dr7);
    vcpu.registers.r8 = vcpu.registers.rdi;
    print(Text("breakpoint/", b.name, "/", form.name, "/bitmap-", hex(bitmap)), vcpu);
    asm volatile("mov %0, %%dr0" : : "r"(u64{0}));
}

void overflow_of_faults() {
    for (const bool user : {false, true}) {
        Vcpu& vcpu = prepare(forms_exceptions[0], 0);
        vmwrite(field::guest_idtr_limit, 0);
        if (user) run_at_user_level();
        print(Text("triple-fault/", user ? "user" : "kernel"), vcpu);
    }
}

}  // namespace

void sweep_exceptions() {
    for (const Form* form = forms_exceptions; form->name != nullptr; ++form)
        for (const Way& way : ways) raise(*form, way);
    constexpr u32 masks[] = {0, 1, 2, 3, 0x10, 0xFFFFFFFF}, matches[] = {0, 1, 2, 3, 0x10};
    for (const Form* form = forms_read_r8; form->name != nullptr; ++form)
        for (const u32 mask : masks)
            for (const u32 match : matches)
                for (const bool in_bitmap : {false, true}) filter_page_fault(*form, mask, match, in_bitmap);
    for (const Breakpoint& b : breakpoints)
        for (const Form* form : {&forms_read_r8[0], &forms_read_r8[1], &forms_nothing[0]})
            for (const u32 bitmap : {u32{0}, 1u << vector_db}) hit_breakpoint(b, *form, bitmap);
    overflow_of_faults();
}

}  // namespace conformance::exits
