// Every operand form of the VMX instructions, as small functions that set all arithmetic flags, execute one,
// and return RFLAGS.
#pragma once

#include "base/integer.hpp"

namespace micro {

using namespace kit;

extern "C" {

// The memory operand is at `target`; `second` is the register operand, where the instruction has one.
using MemoryForm = u64(u64 target, u64 second);

struct MemoryForms {
    const char* name;
    MemoryForm *vmread, *vmwrite, *vmptrld, *vmptrst, *vmclear, *vmxon, *invept, *invvpid;
};
extern const MemoryForms memory_forms[];
extern const MemoryForms memory_forms_end[];

// The only operand address that all forms reach: absolute and RIP-relative ones have it built in.
struct FormTarget {
    u64 guard_before[8];
    u64 words[2];
    u64 guard_after[8];
};
extern FormTarget form_target;

struct RegisterForms {
    const char* name;
    u64 (*vmread_to)(u64 encoding, u64* value);    // this register receives the value
    u64 (*vmread_by)(u64 encoding, u64* value);    // this register holds the encoding
    u64 (*vmwrite_from)(u64 encoding, u64 value);  // this register holds the value
    u64 (*vmwrite_by)(u64 encoding, u64 value);    // this register holds the encoding
};
extern const RegisterForms register_forms[];
extern const RegisterForms register_forms_end[];

// The instructions without operands.
u64 form_vmxoff();
u64 form_vmcall(u64 rax);
u64 form_vmlaunch();
u64 form_vmresume();
u64 form_vmlaunch_after_mov_ss();

}  // extern "C"

// What the forms with FS and GS expect in the base registers.
inline constexpr u64 form_fs_base = 0x1000, form_gs_base = 0x2000;

}  // namespace micro
