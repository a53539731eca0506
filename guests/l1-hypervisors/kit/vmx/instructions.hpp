// One wrapper per VMX instruction, with the flags as its outcome (SDM 3C 31.2).
#pragma once

#include "base/integer.hpp"
#include "cpu/power.hpp"
#include "vmx/controls.hpp"
#include "vmx/fields.hpp"

namespace kit {

struct [[nodiscard]] VmxOutcome {
    bool carry, zero;
    bool succeeded() const { return !carry && !zero; }
    bool failed_invalid() const { return carry; }
    bool failed_valid() const { return zero; }
};

#define MICRO_VMX_FLAGS(outcome) "=@ccc"((outcome).carry), "=@ccz"((outcome).zero)

inline VmxOutcome vmxon(u64 region) {
    VmxOutcome o;
    asm volatile("vmxon %2" : MICRO_VMX_FLAGS(o) : "m"(region) : "memory");
    return o;
}
inline VmxOutcome vmxoff() {
    VmxOutcome o;
    asm volatile("vmxoff" : MICRO_VMX_FLAGS(o) : : "memory");
    return o;
}
inline VmxOutcome vmclear(u64 region) {
    VmxOutcome o;
    asm volatile("vmclear %2" : MICRO_VMX_FLAGS(o) : "m"(region) : "memory");
    return o;
}
inline VmxOutcome vmptrld(u64 region) {
    VmxOutcome o;
    asm volatile("vmptrld %2" : MICRO_VMX_FLAGS(o) : "m"(region) : "memory");
    return o;
}
inline VmxOutcome vmptrst(u64& region) {
    VmxOutcome o;
    asm volatile("vmptrst %2" : MICRO_VMX_FLAGS(o), "=m"(region) : : "memory");
    return o;
}
inline VmxOutcome vmread_raw(u64 encoding, u64& value) {
    VmxOutcome o;
    asm volatile("vmread %3, %2" : MICRO_VMX_FLAGS(o), "+r"(value) : "r"(encoding) : "memory");
    return o;
}
inline VmxOutcome vmwrite_raw(u64 encoding, u64 value) {
    VmxOutcome o;
    asm volatile("vmwrite %3, %2" : MICRO_VMX_FLAGS(o) : "r"(encoding), "r"(value) : "memory");
    return o;
}
// Entries without a guest behind them: for the failures that are reported before any state is loaded.
inline VmxOutcome vmlaunch_raw() {
    VmxOutcome o;
    asm volatile("vmlaunch" : MICRO_VMX_FLAGS(o) : : "memory");
    return o;
}
inline VmxOutcome vmresume_raw() {
    VmxOutcome o;
    asm volatile("vmresume" : MICRO_VMX_FLAGS(o) : : "memory");
    return o;
}
struct InvalidationDescriptor {
    u64 context, address;
};
inline VmxOutcome invept(u64 type, const InvalidationDescriptor& descriptor) {
    VmxOutcome o;
    asm volatile("invept %2, %3" : MICRO_VMX_FLAGS(o) : "m"(descriptor), "r"(type) : "memory");
    return o;
}
inline VmxOutcome invvpid(u64 type, const InvalidationDescriptor& descriptor) {
    VmxOutcome o;
    asm volatile("invvpid %2, %3" : MICRO_VMX_FLAGS(o) : "m"(descriptor), "r"(type) : "memory");
    return o;
}

// The everyday forms: a failure of these is a mistake of the program or of what runs below it, and ends the
// run, in words that name the field.
[[noreturn]] void give_up_on(const char* instruction, Field field);

inline u64 vmread(Field f) {
    u64 value = 0;
    if (!vmread_raw(f.encoding, value).succeeded()) give_up_on("VMREAD", f);
    return value;
}
inline void vmwrite(Field f, u64 value) {
    if (!vmwrite_raw(f.encoding, value).succeeded()) give_up_on("VMWRITE", f);
}

}  // namespace kit
