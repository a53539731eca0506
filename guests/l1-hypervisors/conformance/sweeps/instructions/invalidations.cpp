// INVEPT and INVVPID, and memory operands that cannot be read.
#include "base/memory.hpp"
#include "sweeps/instructions/instructions.hpp"

namespace conformance::instructions {
namespace {

// Types 0 to 5 and beyond with descriptors right and wrong (SDM 3C 31.3, INVEPT and INVVPID).
void invalidations() {
    Vcpu& vcpu = fresh(&l2_finish);
    const u64 good = vcpu.ept.pointer();
    const struct {
        const char* name;
        InvalidationDescriptor descriptor;
    } for_ept[] = {{"good", {good, 0}},
                   {"second-half", {good, 1}},
                   {"second-half-high", {good, bit(63)}},
                   {"memory-type-7", {good | 7, 0}},
                   {"memory-type-0", {good & ~u64{7}, 0}},
                   {"walk-of-1", {good & ~(u64{7} << 3), 0}},
                   {"accessed-dirty", {good | bit(6), 0}},
                   {"reserved-bit-7", {good | bit(7), 0}},
                   {"reserved-bit-8", {good | bit(8), 0}},
                   {"reserved-bit-11", {good | bit(11), 0}},
                   {"beyond-width", {good | bit(physical_width()), 0}},
                   {"bit-63", {good | bit(63), 0}},
                   {"zero", {0, 0}}},
      for_vpid[] = {{"good", {1, 0x1000}},
                    {"vpid-0", {0, 0x1000}},
                    {"vpid-65535", {0xFFFF, 0}},
                    {"reserved-bit-16", {1 | bit(16), 0}},
                    {"reserved-bit-63", {1 | bit(63), 0}},
                    {"vpid-0-reserved-bit-16", {bit(16), 0}},
                    {"not-canonical", {1, non_canonical}},
                    {"vpid-0-not-canonical", {0, non_canonical}},
                    {"high-half", {1, 0xFFFF800000000000}}};
    for (const u64 type : {u64{0}, u64{1}, u64{2}, u64{3}, u64{4}, u64{5}, bit(8), bit(32) | 1, ~u64{0}}) {
        for (const auto& each : for_ept)
            instruction(Text("invept-", hex(type), "-", each.name),
                        [&] { return invept_flags(type, each.descriptor); });
        for (const auto& each : for_vpid)
            instruction(Text("invvpid-", hex(type), "-", each.name),
                        [&] { return invvpid_flags(type, each.descriptor); });
    }
}

// Operands that cannot be read: the fault comes before any answer.
void operand_faults() {
    fresh(&l2_finish);
    constexpr u64 not_mapped = u64{1} << 40;
    for (const u64 address : {non_canonical, not_mapped}) {
        const u64& pointer = *at_address<const u64>(address);
        const InvalidationDescriptor& descriptor = *at_address<const InvalidationDescriptor>(address);
        const auto run = [&](const char* name, auto body) {
            instruction(Text(name, "-at-", hex(address)), body);
        };
#define AT_ADDRESS(mnemonic)                             \
    run(#mnemonic, [&] {                                 \
        u64 flags;                                       \
        asm volatile(WITH_FLAGS(#mnemonic " %[pointer]") \
                     : [flags] "=&r"(flags)              \
                     : BEFORE, [pointer] "m"(pointer)    \
                     : "cc");                            \
        return flags;                                    \
    })
        AT_ADDRESS(vmclear);
        AT_ADDRESS(vmptrld);
        AT_ADDRESS(vmxon);
        AT_ADDRESS(vmptrst);
#undef AT_ADDRESS
        run("invept", [&] { return invept_flags(1, descriptor); });
        run("invvpid", [&] { return invvpid_flags(1, descriptor); });
    }
}

}  // namespace

void invalidation_cases() {
    invalidations();
    operand_faults();
}

}  // namespace conformance::instructions
