// The VMX instructions, each executed with every arithmetic flag set before; what comes back is RFLAGS.
#pragma once

#include "cpu/instructions.hpp"
#include "sweeps/furnished.hpp"

namespace conformance::instructions {

inline constexpr const char* topic = "instructions";

// instructions/forms.S says what these are.
extern "C" {
u64 vmlaunch_after_mov_ss();
u64 vmresume_after_mov_ss();
u64 vmlaunch_after_sti();
struct UserForm {
    const char* name;
    void (*code)();
};
extern const UserForm user_forms[];
}

#define WITH_FLAGS(instruction) "pushq %[before]\n popfq\n " instruction "\n pushfq\n popq %[flags]"
#define BEFORE [before] "i"(rflags_arithmetic | rflags_reserved1)

#define POINTER_INSTRUCTION(name)                     \
    inline u64 name##_flags(u64 pointer) {            \
        u64 flags;                                    \
        asm volatile(WITH_FLAGS(#name " %[pointer]")  \
                     : [flags] "=&r"(flags)           \
                     : BEFORE, [pointer] "m"(pointer) \
                     : "memory", "cc");               \
        return flags;                                 \
    }
POINTER_INSTRUCTION(vmclear)
POINTER_INSTRUCTION(vmptrld)
POINTER_INSTRUCTION(vmxon)
#undef POINTER_INSTRUCTION

#define BARE_INSTRUCTION(name)                                                            \
    inline u64 name##_flags() {                                                           \
        u64 flags;                                                                        \
        asm volatile(WITH_FLAGS(#name) : [flags] "=&r"(flags) : BEFORE : "memory", "cc"); \
        return flags;                                                                     \
    }
BARE_INSTRUCTION(vmxoff)
BARE_INSTRUCTION(vmlaunch)
BARE_INSTRUCTION(vmresume)
#undef BARE_INSTRUCTION

#define INVALIDATION(name)                                                        \
    inline u64 name##_flags(u64 type, const InvalidationDescriptor& descriptor) { \
        u64 flags;                                                                \
        asm volatile(WITH_FLAGS(#name " %[descriptor], %[type]")                  \
                     : [flags] "=&r"(flags)                                       \
                     : BEFORE, [descriptor] "m"(descriptor), [type] "r"(type)     \
                     : "memory", "cc");                                           \
        return flags;                                                             \
    }
INVALIDATION(invept)
INVALIDATION(invvpid)
#undef INVALIDATION

inline u64 vmread_flags(u64 encoding) {
    u64 flags, value = 0;
    asm volatile(WITH_FLAGS("vmread %[encoding], %[value]")
                 : [flags] "=&r"(flags), [value] "+&r"(value)
                 : BEFORE, [encoding] "r"(encoding)
                 : "memory", "cc");
    return flags;
}

inline u64 vmwrite_flags(u64 encoding, u64 value) {
    u64 flags;
    asm volatile(WITH_FLAGS("vmwrite %[value], %[encoding]")
                 : [flags] "=&r"(flags)
                 : BEFORE, [encoding] "r"(encoding), [value] "r"(value)
                 : "memory", "cc");
    return flags;
}

inline u64 vmptrst_flags(u64& pointer) {
    u64 flags;
    asm volatile(WITH_FLAGS("vmptrst %[pointer]")
                 : [flags] "=&r"(flags), [pointer] "=m"(pointer)
                 : BEFORE
                 : "memory", "cc");
    return flags;
}

// Two regions that are not the_vcpu()'s, and nothing that answers: an address that exists without memory
// behind it.
extern Page region, other_region;
void prepare_regions();  // with the right revision, and clear
u64 beyond_memory();
unsigned physical_width();
inline constexpr u32 shadow_indicator = 1u << 31;
inline constexpr u64 non_canonical = u64{1} << 62;
inline constexpr u64 no_field = 0x6FFE;  // natural-width host field number 1023

// `case instructions/NAME: flags=... error=N`, or the exception.
void print_flags(const Text& name, u64 flags);

template <typename Body>
void instruction(const Text& name, Body body) {
    u64 flags = 0;
    const Fault fault = guarded([&] { flags = body(); });
    if (fault.happened)
        print_case(topic, name, words(fault));
    else
        print_flags(name, flags);
}

void print_current(const char* name);  // which region VMPTRST tells

// The groups of cases.
void current_vmcs_cases();
void launch_cases();
void invalidation_cases();
void cases_outside_vmx_operation();

}  // namespace conformance::instructions
