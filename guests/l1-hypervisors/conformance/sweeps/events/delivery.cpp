// Deliveries that meet an obstacle: the event that was being delivered goes into the IDT-vectoring
// information, or what becomes of both goes to L2 (SDM 3C 28.2.4, 3A 6.15 "double fault").
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "cpu/traps.hpp"
#include "sweeps/events/events.hpp"

namespace conformance::events {

extern "C" const Form forms_idle[];

namespace {

constexpr Event events_to_deliver[] = {{external, 0x51},        {nmi, 2},
                                       {hardware, 6},           {hardware, 0},
                                       {hardware, 13, true},    {hardware, 14, true},
                                       {hardware, 8, true},     {software_interrupt, 0x51},
                                       {software_interrupt, 3}, {privileged, 1},
                                       {software_exception, 3}};

constexpr u64 gate_present = bit(47), gate_type = u64{0xF} << 40, task_gate = u64{5} << 40,
              gate_selector = u64{0xFFFF} << 16;
constexpr u64 unmapped = u64{1} << 40, not_canonical = u64{1} << 63;
constexpr u64 entry_size = 16;

enum class Obstacle {
    absent_gate,
    wrong_type,
    null_selector,
    bad_selector,
    short_idt,
    idt_not_canonical,
    idt_not_mapped,
    idt_without_ept,
    stack_not_mapped,
    stack_not_canonical,
    stack_without_ept,
    handler_without_ept
};
struct NamedObstacle {
    const char* name;
    Obstacle which;
};
constexpr NamedObstacle obstacles[] = {
    {"absent-gate", Obstacle::absent_gate},
    {"wrong-type", Obstacle::wrong_type},
    {"null-selector", Obstacle::null_selector},
    {"bad-selector", Obstacle::bad_selector},
    {"short-idt", Obstacle::short_idt},
    {"idt-not-canonical", Obstacle::idt_not_canonical},
    {"idt-not-mapped", Obstacle::idt_not_mapped},
    {"idt-without-ept", Obstacle::idt_without_ept},
    {"stack-not-mapped", Obstacle::stack_not_mapped},
    {"stack-not-canonical", Obstacle::stack_not_canonical},
    {"stack-without-ept", Obstacle::stack_without_ept},
    {"handler-without-ept", Obstacle::handler_without_ept},
};

void put_up(Obstacle which, u8 vector) {
    u64& gate = catcher_gate(vector);
    switch (which) {
        case Obstacle::absent_gate: gate &= ~gate_present; break;
        case Obstacle::wrong_type: gate = (gate & ~gate_type) | task_gate; break;
        case Obstacle::null_selector: gate &= ~gate_selector; break;
        case Obstacle::bad_selector: gate = (gate & ~gate_selector) | u64{0x3000} << 16; break;
        case Obstacle::short_idt: vmwrite(field::guest_idtr_limit, vector * entry_size); break;
        case Obstacle::idt_not_canonical:
            vmwrite(field::guest_idtr_base, ~not_canonical & ~u64{0xFFF});
            break;
        case Obstacle::idt_not_mapped: vmwrite(field::guest_idtr_base, unmapped); break;
        case Obstacle::idt_without_ept: vmwrite(field::guest_idtr_base, Ept::window); break;
        case Obstacle::stack_not_mapped: vmwrite(field::guest_rsp, unmapped); break;
        case Obstacle::stack_not_canonical: vmwrite(field::guest_rsp, not_canonical); break;
        case Obstacle::stack_without_ept: vmwrite(field::guest_rsp, Ept::window + page_size); break;
        case Obstacle::handler_without_ept: {
            constexpr u64 offset_bits = 0xFFFF00000000FFFF;
            gate = (gate & ~offset_bits) | (Ept::window & 0xFFFF) | (Ept::window >> 16 & 0xFFFF) << 48;
            break;
        }
    }
}

void deliver(const NamedObstacle& obstacle, const Event& event, u32 bitmap) {
    Vcpu& vcpu = fresh(forms_idle[0].code);
    vmwrite(field::exception_bitmap, bitmap);
    catch_events();
    write_cr2(0);
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    put_up(obstacle.which, static_cast<u8>(event.vector));
    inject(event);
    enter_and_print(Text("delivery/", obstacle.name, "/", name_of(event), "/bitmap-", hex(bitmap)), vcpu);
}

// L1 maps what was missing and injects what was being delivered.
void deliver_in_two_steps(Obstacle which, const char* obstacle, const Event& event) {
    static Page idt_copy, stack;
    Vcpu& vcpu = fresh(forms_idle[0].code);
    vmwrite(field::exception_bitmap, 0);
    catch_events();
    write_cr2(0);
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    for (u64 i = 0; i < page_size; ++i) idt_copy.bytes[i] = at_address<const u8>(catcher_idt())[i];
    put_up(which, static_cast<u8>(event.vector));
    inject(event);
    enter_and_print(Text("redelivery/", obstacle, "/", name_of(event), "/before"), vcpu);
    constexpr u64 mapped = ept_entry::all | ept_entry::write_back;
    vcpu.ept.window_entry(0) = idt_copy.address() | mapped;
    vcpu.ept.window_entry(1) = stack.address() | mapped;
    if (which == Obstacle::stack_without_ept) vcpu.ept.window_entry(0) = stack.address() | mapped;
    invalidate_ept(vcpu.ept.pointer());
    constexpr u64 undefined = bit(12);
    vmwrite(field::entry_interruption_information, vmread(field::idt_vectoring_information) & ~undefined);
    vmwrite(field::entry_exception_error_code, vmread(field::idt_vectoring_error_code));
    vmwrite(field::entry_instruction_length, vmread(field::exit_instruction_length));
    enter_and_print(Text("redelivery/", obstacle, "/", name_of(event), "/after"), vcpu);
}

}  // namespace

void sweep_faults_in_delivery() {
    constexpr u32 double_faults = 1 << 8, general_protection = 1 << vector_gp, page_faults = 1 << vector_pf;
    for (const NamedObstacle& obstacle : obstacles)
        for (const Event& event : events_to_deliver)
            for (const u32 bitmap :
                 {u32{0}, every_exception, double_faults, general_protection | page_faults})
                deliver(obstacle, event, bitmap);
    for (const Event& event : events_to_deliver) {
        deliver_in_two_steps(Obstacle::idt_without_ept, "idt", event);
        deliver_in_two_steps(Obstacle::stack_without_ept, "stack", event);
    }
}

}  // namespace conformance::events
