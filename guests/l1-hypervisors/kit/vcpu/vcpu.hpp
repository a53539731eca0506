// A virtual processor of an L2: a VMCS, an EPT12, and L2's registers. Running the guest is a function that
// returns an exit.
#pragma once

#include "base/memory.hpp"
#include "vcpu/ept.hpp"
#include "vmx/instructions.hpp"

namespace kit {

struct GuestRegisters {
    u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};

struct Exit {
    enum class Kind { exited, failed_invalid, failed_valid };
    Kind kind;
    u32 error;   // VM-instruction error, for failed_valid
    u32 reason;  // with bit 31 for an entry that failed
    u64 qualification, guest_physical, guest_linear, rip;
    u32 interruption, interruption_error, instruction_length;

    bool exited_for(u32 basic_reason) const { return kind == Kind::exited && reason == basic_reason; }
};

// What a test or a measurement may ask of the controls beyond the usual ones.
struct VcpuOptions {
    u32 pin = 0, primary = 0, secondary = 0, exit = 0, entry = 0;
    bool with_ept = true;
    bool accessed_dirty = false;
    u16 vpid = 1;
};

class Vcpu {
  public:
    // Makes its VMCS current, with a 64-bit guest at `code` that has its own page tables, stack and IDT.
    void build(const void* code, const VcpuOptions& options = {});
    void make_current();
    Exit run();
    void skip_instruction() {
        vmwrite(field::guest_rip, vmread(field::guest_rip) + vmread(field::exit_instruction_length));
    }
    void intercept_msr(u32 number);
    void intercept_port(u16 port);
    void intercept_nothing();  // no MSR, no port
    void push(u64 value);      // on L2's stack
    // RIP := code, on an empty stack from which it returns to l2_finish.
    void go_to(const void* code);
    void go_to(void (*code)()) { go_to(reinterpret_cast<const void*>(code)); }

    GuestRegisters registers = {};
    Ept ept;
    Page region = {};
    bool launched = false;

  private:
    void forget_old_mappings();
    void write_controls(const VcpuOptions& options);
    void write_host_state();
    void write_guest_state(const void* code);

    Page msr_bitmap_, io_bitmap_a_, io_bitmap_b_ = {};
    alignas(16) u8 stack_[8192] = {};
};

extern "C" {
// Where an exit lands: keeps L2's registers and returns from run(). Fast handlers jump to it when an exit is
// not theirs.
void guest_exited();
void l2_finish();  // L2 code: VMCALL for ever; the return address of an L2 "main" function
}

}  // namespace kit
