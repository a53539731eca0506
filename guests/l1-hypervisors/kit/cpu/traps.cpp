#include "cpu/traps.hpp"

#include "base/memory.hpp"
#include "console/console.hpp"
#include "cpu/apic.hpp"
#include "cpu/instructions.hpp"
#include "cpu/power.hpp"
#include "cpu/segments.hpp"

namespace kit {

extern "C" {
extern const u8 trap_entries[256][16];
extern u64 guard_stack;
u64 call_with_guard(void (*function)(void*), void* context);
[[noreturn]] void unwind_guard();
[[noreturn]] void enter_user_mode(void (*code)(), u64 stack);
}

namespace {

// SDM 3A figure 6-8.
struct Gate {
    u16 offset_low, selector;
    u8 stack, type;
    u16 offset_middle;
    u32 offset_high, reserved;
};
static_assert(sizeof(Gate) == 16);

constexpr u8 interrupt_gate = 0x8E, interrupt_gate_from_user = 0xEE;
constexpr u64 first_interrupt = 32;

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

alignas(16) Gate idt[256];
alignas(16) u8 user_stack[4096];
Fault last_fault;
volatile u64 interrupts;

void set_gate(u8 vector, u64 offset) {
    const u8 type = vector == vector_bp ? interrupt_gate_from_user : interrupt_gate;
    idt[vector] = {static_cast<u16>(offset),
                   kernel_code,
                   0,
                   type,
                   static_cast<u16>(offset >> 16),
                   static_cast<u32>(offset >> 32),
                   0};
}

}  // namespace

extern "C" void on_trap(TrapFrame* frame) {
    if (frame->vector >= first_interrupt) {
        interrupts = interrupts + 1;
        apic::acknowledge();
        return;
    }
    last_fault = {true, frame->vector, frame->error_code, frame->rip, read_cr2()};
    if (guard_stack != 0) unwind_guard();
    print(program_name, ": exception ", frame->vector, " error ", hex(frame->error_code), " at ",
          hex(frame->rip), " cr2 ", hex(read_cr2()), " rsp ", hex(frame->rsp), " rax ", hex(frame->rax),
          "\n");
    give_up("an exception outside a guard");
}

u64 l1_interrupt_count() { return interrupts; }
u64 idt_base() { return address_of(idt); }
u16 idt_limit() { return sizeof idt - 1; }

void set_vector(u8 vector, void (*handler)()) {
    set_gate(vector, handler != nullptr ? reinterpret_cast<u64>(handler) : address_of(trap_entries[vector]));
}

void load_traps() {
    for (unsigned vector = 0; vector < 256; ++vector) set_vector(static_cast<u8>(vector), nullptr);
    const TablePointer pointer = {idt_limit(), idt_base()};
    asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

Fault guarded_call(void (*function)(void*), void* context) {
    constexpr u64 returned_by_itself = 0;
    if (call_with_guard(function, context) == returned_by_itself) return {};
    return last_fault;
}

Fault run_in_user_mode(void (*code)()) {
    return guarded([code] { enter_user_mode(code, address_of(user_stack) + sizeof user_stack); });
}

}  // namespace kit
