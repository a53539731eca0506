#include "kurma/control_call.hpp"

#include "cpu/instructions.hpp"

namespace kit {
namespace {

constexpr u32 cpuid_hypervisor_leaf = 0x40000000;
constexpr u32 letters_kurm = 0x6D72754B, letters_akur = 0x72754B61, letters_maku = 0x754B616D;

bool signature_found() {
    const CpuidLeaf leaf = cpuid(cpuid_hypervisor_leaf);
    return leaf.ebx == letters_kurm && leaf.ecx == letters_akur && leaf.edx == letters_maku;
}

}  // namespace

const char* const total_names[total_count] = {"exits",    "vmread",   "vmwrite", "vmptrld", "vmclear",
                                              "vmlaunch", "vmresume", "invept",  "invvpid"};

const char* const exit_kind_names[exit_kind_count] = {"l1", "kept", "reflected"};

bool kurma_is_present() {
    static const bool present = signature_found();
    return present;
}

u64 control_call(ControlFunction function, u64 argument) {
    u64 result = control_call_signature;
    asm volatile("vmcall" : "+a"(result) : "c"(function), "d"(argument) : "memory", "cc");
    return result;
}

bool find_hidden_memory(HiddenMemory& memory) {
    if (!kurma_is_present()) return false;
    memory = {control_call(ControlFunction::l0_base), control_call(ControlFunction::l0_size)};
    return memory.base != control_call_refused && memory.size != control_call_refused;
}

Totals latch_totals() {
    Totals totals = {};
    if (!kurma_is_present()) return totals;
    control_call(ControlFunction::latch_totals);
    for (u64 i = 0; i < total_count; ++i) totals.of[i] = control_call(ControlFunction::read_total, i);
    totals.event = control_call(ControlFunction::read_total, event_index);
    return totals;
}

void count_exit_kinds(ExitKinds& kinds) {
    kinds = {};
    if (!kurma_is_present()) return;
    for (u64 kind = 0; kind < exit_kind_count; ++kind)
        for (u64 reason = 0; reason < exit_reason_count; ++reason)
            kinds.of[kind][reason] = control_call(ControlFunction::exits_of_kind, kind << 8 | reason);
}

void add_to_request(const char* words) {
    while (*words != 0) {
        u64 bytes = 0;
        for (unsigned i = 0; i < 8 && *words != 0; ++i) bytes |= u64{static_cast<u8>(*words++)} << (8 * i);
        control_call(ControlFunction::add_to_request, bytes);
    }
}

Answer perform_request() {
    const u64 result = control_call(ControlFunction::perform_request);
    return {static_cast<Verdict>(result >> 32), static_cast<u32>(result)};
}

Answer ask(const char* words, const char* more_words) {
    control_call(ControlFunction::begin_request);
    add_to_request(words);
    add_to_request(more_words);
    return perform_request();
}

void read_answer(char* text, usize capacity) {
    usize length = 0;
    for (u64 offset = 0; length + 1 < capacity; offset += 8) {
        const u64 bytes = control_call(ControlFunction::read_answer, offset);
        if (bytes == control_call_refused) break;
        for (unsigned i = 0; i < 8 && length + 1 < capacity; ++i)
            if (const u8 byte = static_cast<u8>(bytes >> (8 * i)); byte != 0)
                text[length++] = static_cast<char>(byte);
    }
    text[length] = 0;
}

bool set_knob(const char* assignment) {
    return kurma_is_present() && ask("set ", assignment).verdict == Verdict::done;
}

}  // namespace kit
