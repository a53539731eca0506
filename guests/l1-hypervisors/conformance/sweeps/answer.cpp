#include "sweeps/answer.hpp"

#include "cpu/instructions.hpp"

namespace conformance {
namespace {

Vcpu vcpu_of_all_cases;

constexpr u32 reason_bits = 0xFFFF;
constexpr u64 qualification_has_linear_address = bit(7);  // of an EPT violation
constexpr u64 qualification_string = bit(4);              // of an I/O instruction
constexpr u64 qualification_access = bit(4) | bit(5), qualification_lmsw = bit(4) | bit(5),
              qualification_lmsw_memory = bit(6);  // of a control-register access
constexpr u32 type_bits = 7 << 8, vector_bits = 0xFF, nmi_unblocked = 1 << 12;
constexpr u32 privileged_software_exception = 5 << 8;
constexpr u8 double_fault = 8;

template <usize count>
constexpr bool is_one_of(u32 value, const u8 (&list)[count]) {
    for (const u8 member : list)
        if (value == member) return true;
    return false;
}

bool is_software_event(u32 information) {
    const u32 type = information & type_bits;
    return (information & interruption::valid) != 0 &&
           (type == interruption::software_interrupt || type == privileged_software_exception ||
            type == interruption::software_exception);
}

// SDM 3C 28.2.5: an exit by an instruction, by a software exception, or while a software event was delivered.
bool has_instruction_length(const Exit& exit, u32 vectoring) {
    constexpr u8 instructions[] = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                   24, 25, 26, 27, 28, 29, 30, 31, 32, 36, 39, 40, 46, 47,
                                   50, 51, 53, 54, 55, 57, 58, 59, 60, 61, 63, 64};
    constexpr u32 task_switch = 9;
    constexpr u64 task_switch_source = bit(30) | bit(31), task_switch_by_gate = bit(30) | bit(31);
    if (is_one_of(exit.reason, instructions)) return true;
    if (exit.reason == reason::exception && is_software_event(exit.interruption)) return true;
    if (exit.reason == task_switch && (exit.qualification & task_switch_source) != task_switch_by_gate)
        return true;
    return is_software_event(vectoring);
}

// SDM 3C 28.2.5, tables 28-8 to 28-15.
bool has_instruction_information(const Exit& exit) {
    constexpr u8 instructions[] = {19, 21, 22, 23, 25, 27, 46, 47, 50, 53, 57, 58, 61, 63, 64};
    return is_one_of(exit.reason, instructions) ||
           (exit.reason == reason::io && (exit.qualification & qualification_string) != 0);
}

// The displacement of an operand in memory. An operand in a register has none, for which the manual wants
// zero and Bochs 2.7 gives what an earlier instruction had (SDM 3C 28.2.1).
bool has_qualification(const Exit& exit) {
    constexpr u8 with_either_operand[] = {23, 25, 47};
    constexpr u64 operand_in_register = bit(10);
    return !is_one_of(exit.reason, with_either_operand) ||
           (vmread(field::exit_instruction_information) & operand_in_register) == 0;
}

// SDM 3C 28.2.1.
bool has_guest_linear(const Exit& exit) {
    switch (exit.reason) {
        case reason::ept_violation: return (exit.qualification & qualification_has_linear_address) != 0;
        case reason::io: return (exit.qualification & qualification_string) != 0;
        case reason::cr_access:
            return (exit.qualification & qualification_access) == qualification_lmsw &&
                   (exit.qualification & qualification_lmsw_memory) != 0;
        default: return false;
    }
}

bool has_guest_physical(const Exit& exit) {
    return exit.reason == reason::ept_violation || exit.reason == reason::ept_misconfiguration;
}

// Bit 12 is undefined for a double fault and where an event was being delivered (SDM 3C 28.2.2).
u32 defined_interruption(u32 information, u32 vectoring) {
    const bool undefined =
        (vectoring & interruption::valid) != 0 || (information & vector_bits) == double_fault;
    return undefined ? information & ~nmi_unblocked : information;
}

void append_events(Text& text, const Exit& exit, u32 vectoring) {
    if ((exit.interruption & interruption::valid) != 0) {
        text.append(" event=", hex(defined_interruption(exit.interruption, vectoring)));
        if ((exit.interruption & interruption::has_error_code) != 0)
            text.append(" event-error=", hex(exit.interruption_error));
    }
    if ((vectoring & interruption::valid) != 0) {
        text.append(" vectoring=", hex(vectoring & ~nmi_unblocked));
        if ((vectoring & interruption::has_error_code) != 0)
            text.append(" vectoring-error=", hex(vmread(field::idt_vectoring_error_code)));
    }
}

void append_state(Text& text, u32 details) {
    text.append(" rip=", hex(vmread(field::guest_rip)), " rflags=", hex(vmread(field::guest_rflags)),
                " blocking=", hex(vmread(field::guest_interruptibility)),
                " activity=", vmread(field::guest_activity));
    if ((details & with_pending_debug) != 0)
        text.append(" pending-debug=", hex(vmread(field::guest_pending_debug)));
}

// A failed entry changes no other information field and no guest state (SDM 3C 27.8).
Text words_for_exit(const Exit& exit, u32 details) {
    Text text(
        (exit.reason & reason::entry_failed) != 0 ? "entry-failed=" : "exit=", exit.reason & reason_bits,
        " qualification=", hex(has_qualification(exit) ? exit.qualification : 0));
    constexpr u32 other_bits = ~(reason::entry_failed | reason_bits);
    if ((exit.reason & other_bits) != 0) text.append(" reason-bits=", hex(exit.reason & other_bits));
    if ((exit.reason & reason::entry_failed) != 0) return text;
    const u32 vectoring = static_cast<u32>(vmread(field::idt_vectoring_information));
    if (has_instruction_length(exit, vectoring)) text.append(" length=", exit.instruction_length);
    if ((details & with_instruction_information) != 0 && has_instruction_information(exit))
        text.append(" information=", hex(vmread(field::exit_instruction_information)));
    append_events(text, exit, vectoring);
    if (has_guest_physical(exit)) text.append(" physical=", hex(exit.guest_physical));
    if (has_guest_linear(exit)) text.append(" linear=", hex(exit.guest_linear));
    if ((details & without_state) == 0) append_state(text, details);
    return text;
}

}  // namespace

Vcpu& the_vcpu() { return vcpu_of_all_cases; }

Answer enter(Vcpu& vcpu) {
    Answer answer = {};
    answer.fault = guarded([&] { answer.exit = vcpu.run(); });
    return answer;
}

Text words(const Answer& answer, u32 details) {
    if (answer.fault.happened) return words(answer.fault);
    switch (answer.exit.kind) {
        case Exit::Kind::failed_invalid: return Text("fail-invalid");
        case Exit::Kind::failed_valid: return Text("fail-valid error=", answer.exit.error);
        case Exit::Kind::exited: return words_for_exit(answer.exit, details);
    }
    return Text("unknown");
}

Text words(const VmxOutcome& outcome) {
    if (outcome.failed_invalid()) return Text("fail-invalid");
    if (outcome.failed_valid()) return Text("fail-valid error=", vmread(field::vm_instruction_error));
    return Text("ok");
}

Text words(const Fault& fault) {
    return fault.happened ? Text("exception ", fault.vector, " error=", hex(fault.error_code))
                          : Text("no-exception");
}

void print_case(const char* topic, const Text& name, const Text& answer) {
    print("case ", topic, "/", name.characters(), ": ", answer.characters(), "\n");
}

Answer print_entry(const char* topic, const Text& name, Vcpu& vcpu, u32 details) {
    const Answer answer = enter(vcpu);
    print_case(topic, name, words(answer, details));
    return answer;
}

}  // namespace conformance
