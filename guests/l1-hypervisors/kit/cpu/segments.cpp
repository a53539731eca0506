#include "cpu/segments.hpp"

#include "base/memory.hpp"

namespace kit {
namespace {

// 64-bit task-state segment (SDM 3A figure 8-11); only the stack for ring 0 is used.
struct [[gnu::packed]] TaskState {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3, io_map;
};
static_assert(sizeof(TaskState) == 104);

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

constexpr u64 code64_descriptor = 0x00AF9B000000FFFF, data_descriptor = 0x00CF93000000FFFF;
constexpr u64 user_bits = u64{3} << 45;
constexpr u64 available_task_descriptor = u64{0x89} << 40;

constinit u64 gdt[7] = {
    0, code64_descriptor, data_descriptor, data_descriptor | user_bits, code64_descriptor | user_bits, 0, 0};
constinit TaskState task_state = {};
alignas(16) u8 trap_stack[16384];

}  // namespace

u64 gdt_base() { return address_of(gdt); }
u16 gdt_limit() { return sizeof gdt - 1; }
u64 task_base() { return address_of(&task_state); }

void load_segments() {
    task_state.rsp[0] = address_of(trap_stack) + sizeof trap_stack;
    task_state.io_map = sizeof task_state;
    const u64 base = task_base();
    gdt[5] = available_task_descriptor | (sizeof task_state - 1) | (base & 0xFFFFFF) << 16 |
             (base >> 24 & 0xFF) << 56;
    gdt[6] = base >> 32;
    const TablePointer pointer = {gdt_limit(), gdt_base()};
    asm volatile("lgdt %0" : : "m"(pointer) : "memory");
    asm volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%ss" : : "r"(u32{kernel_data}) : "memory");
    asm volatile("ltr %0" : : "r"(task) : "memory");
}

}  // namespace kit
