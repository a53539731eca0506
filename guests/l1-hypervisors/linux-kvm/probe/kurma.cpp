#include "kurma.hpp"

#include <cpuid.h>

#include <cstring>

namespace kurma::probe {
namespace {

constexpr u64 magic = 0x41'4D52'554B;  // "KURMA", first letter lowest
constexpr u64 function_latch = 0;
constexpr u64 function_read = 1;
constexpr u64 function_exits_of_kind = 9;
constexpr u64 reason_vmcall = 18;
constexpr u32 feature_leaf = 1, ecx_hypervisor = u32{1} << 31;
constexpr u32 signature_leaf = 0x4000'0000;
constexpr char signature[] = "KurmaKurmaKu";

u64 control_call(u64 function, u64 argument) {
    u64 result = magic;
    asm volatile("vmcall" : "+a"(result) : "c"(function), "d"(argument) : "memory");
    return result;
}

// Those of the control call itself are left out.
ExitKinds count_kinds() {
    ExitKinds kinds{};
    for (u64 i = 0; i < kinds.size(); ++i) {
        const u64 kind = i / exit_reason_count, reason = i % exit_reason_count;
        if (kind != 0 || reason != reason_vmcall)
            kinds[i] = control_call(function_exits_of_kind, kind << 8 | reason);
    }
    return kinds;
}

}  // namespace

bool kurma_is_present() {
    u32 eax, words[3];
    __cpuid(signature_leaf, eax, words[0], words[1], words[2]);
    return std::memcmp(words, signature, sizeof words) == 0;
}

bool hypervisor_is_below() {
    u32 eax, ebx, ecx, edx;
    __cpuid(feature_leaf, eax, ebx, ecx, edx);
    return (ecx & ecx_hypervisor) != 0 || kurma_is_present();
}

std::optional<Counts> count() {
    static const bool present = kurma_is_present();
    if (!present) return std::nullopt;
    control_call(function_latch, 0);
    Counts counts;
    for (usize i = 0; i < counts.totals.size(); ++i) counts.totals[i] = control_call(function_read, i);
    counts.kinds = count_kinds();
    return counts;
}

}  // namespace kurma::probe
