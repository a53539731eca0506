// Blocking by STI and by MOV SS as an exit saves it, pending debug exceptions, and virtual NMIs (SDM
// 3C 25.4.2, 27.6.3, 28.3.4, 26.5.4).
#include "cpu/instructions.hpp"
#include "cpu/traps.hpp"
#include "sweeps/events/events.hpp"

namespace conformance::events {

extern "C" const Form forms_shadows[], forms_idle[], forms_return[];

namespace {

constexpr u64 dr7_reset = 0x400, dr6_reset = 0xFFFF0FF0;
constexpr u64 trap_flag = bit(8);

void reset_debug_registers() {
    asm volatile("mov %0, %%dr7\n mov %1, %%dr6" : : "r"(dr7_reset), "r"(dr6_reset));
}

Vcpu& prepare(const Form& form, u32 bitmap, const VcpuOptions& options = {}) {
    reset_debug_registers();
    write_cr2(0);
    Vcpu& vcpu = fresh(form.code, options);
    vmwrite(field::exception_bitmap, bitmap);
    catch_events();
    vcpu.registers.r8 = Ept::window;
    return vcpu;
}

void exit_in_shadow(const Form& form, u32 bitmap) {
    Vcpu& vcpu = prepare(form, bitmap);
    vcpu.intercept_port(0x80);
    enter_and_print(Text("shadow/", form.name, "/bitmap-", hex(bitmap)), vcpu);
    reset_debug_registers();
}

struct Pending {
    const char* name;
    u64 exceptions;
    u32 blocking;
    u64 flags;
};

constexpr u64 single_step = bit(14), enabled_breakpoint = bit(12), breakpoint_0 = bit(0),
              breakpoint_3 = bit(3);
// With blocking and the trap flag a single step has to be pending: what else Bochs 2.7 makes of it is not
// asked.
constexpr Pending pendings[] = {
    {"nothing", 0, 0, 0},
    {"breakpoint", enabled_breakpoint | breakpoint_0, 0, 0},
    {"two-breakpoints", enabled_breakpoint | breakpoint_0 | breakpoint_3, 0, 0},
    {"breakpoint-not-enabled", breakpoint_0, 0, 0},
    {"single-step", single_step, 0, 0},
    {"single-step-with-flag", single_step, 0, trap_flag},
    {"flag-only", 0, 0, trap_flag},
    {"single-step-after-sti", single_step, by_sti, trap_flag | rflags_if},
    {"single-step-after-mov-ss", single_step, by_mov_ss, trap_flag},
    {"breakpoint-after-mov-ss", enabled_breakpoint | breakpoint_0, by_mov_ss, 0},
    {"both", single_step | enabled_breakpoint | breakpoint_0, 0, trap_flag},
};

void deliver_pending(const Pending& p, u32 bitmap, const Event* event) {
    Vcpu& vcpu = prepare(forms_idle[0], bitmap);
    vmwrite(field::guest_pending_debug, p.exceptions);
    vmwrite(field::guest_interruptibility, p.blocking);
    vmwrite(field::guest_rflags, rflags_reserved1 | p.flags);
    if (event != nullptr) inject(*event);
    const Text with = event != nullptr ? name_of(*event) : Text("alone");
    const Text name("pending-debug/", p.name, "/", with, "/bitmap-", hex(bitmap));
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_pending_debug);
    append_caught(text);
    u64 dr6;
    asm volatile("mov %%dr6, %0" : "=r"(dr6));
    text.append(" dr6=", hex(dr6));
    print_case(topic, name, text);
    reset_debug_registers();
}

// An injected NMI blocks further ones until L2's IRET; with virtual NMIs the window then opens for L1.
void inject_nmi(u32 pins, u32 controls, u32 blocking, const Form& form) {
    const Text name("nmi-blocking/pins-", hex(pins), "-controls-", hex(controls), "-blocking-", blocking, "/",
                    form.name),
        again(name, "/next"), window(name, "/window");
    const VcpuOptions options = {.pin = pins, .primary = controls};
    if (!is_offered(options)) {
        for (const Text* each : {&name, &again, &window}) print_absent(topic, *each);
        return;
    }
    Vcpu& vcpu = prepare(form, 0, options);
    vmwrite(field::guest_interruptibility, blocking);
    inject({nmi, 2});
    enter_and_print(name, vcpu);
    // L2 goes on behind its handler: it returns, or does nothing.
    vcpu.go_to(form.code);
    vmwrite(field::guest_rflags, rflags_reserved1);
    enter_and_print(again, vcpu);
    vcpu.go_to(forms_return[0].code);
    vmwrite(field::guest_rflags, rflags_reserved1);
    enter_and_print(window, vcpu);
}

}  // namespace

void sweep_shadows() {
    for (const Form* form = forms_shadows; form->name != nullptr; ++form)
        for (const u32 bitmap : {u32{0}, every_exception, 1u << vector_db}) exit_in_shadow(*form, bitmap);
}

void sweep_pending_debug() {
    constexpr Event events_with[] = {
        {external, 0x51}, {nmi, 2}, {hardware, 6}, {hardware, 1}, {software_exception, 3}};
    for (const Pending& p : pendings)
        for (const u32 bitmap : {u32{0}, 1u << vector_db}) {
            deliver_pending(p, bitmap, nullptr);
            for (const Event& event : events_with) deliver_pending(p, bitmap, &event);
        }
}

void sweep_virtual_nmis() {
    struct Controls {
        u32 pins, controls;
    };
    constexpr Controls ways[] = {{0, 0},
                                 {pin::nmi, 0},
                                 {pin::nmi | pin::virtual_nmis, 0},
                                 {pin::nmi | pin::virtual_nmis, primary::nmi_window}};
    for (const Controls& way : ways)
        for (const u32 blocking : {u32{0}, by_nmi})
            for (const Form* form : {&forms_idle[0], &forms_return[0]})
                inject_nmi(way.pins, way.controls, blocking, *form);
}

}  // namespace conformance::events
