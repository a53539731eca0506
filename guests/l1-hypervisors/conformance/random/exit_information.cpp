#include "random/exit_information.hpp"

#include "vmx/instructions.hpp"

namespace conformance::random {
namespace {

// Basic exit reasons (SDM 3D appendix C) beside those that the kit names, as sets.
constexpr u64 set_of(std::initializer_list<u32> reasons) {
    u64 set = 0;
    for (const u32 number : reasons) set |= bit(number);
    return set;
}
constexpr u32 task_switch = 9, getsec = 11, rsm = 17, mwait = 36, monitor = 39, vmptrst = 22, invept = 50,
              invvpid = 53, vmfunc = 59, xsaves = 63;
constexpr u64 caused_by_instruction = set_of({task_switch,
                                              reason::cpuid,
                                              getsec,
                                              reason::hlt,
                                              reason::invd,
                                              reason::invlpg,
                                              reason::rdpmc,
                                              reason::rdtsc,
                                              rsm,
                                              reason::vmcall,
                                              reason::vmclear,
                                              reason::vmlaunch,
                                              reason::vmptrld,
                                              vmptrst,
                                              reason::vmread,
                                              reason::vmresume,
                                              reason::vmwrite,
                                              reason::vmxoff,
                                              reason::vmxon,
                                              reason::cr_access,
                                              reason::mov_dr,
                                              reason::io,
                                              reason::rdmsr,
                                              reason::wrmsr,
                                              mwait,
                                              monitor,
                                              reason::pause,
                                              reason::gdtr_idtr,
                                              reason::ldtr_tr,
                                              invept,
                                              reason::rdtscp,
                                              invvpid,
                                              reason::wbinvd,
                                              reason::xsetbv,
                                              reason::rdrand,
                                              reason::invpcid,
                                              vmfunc,
                                              reason::rdseed,
                                              xsaves});
constexpr u64 with_instruction_information =
    set_of({reason::vmclear, reason::vmptrld, vmptrst, reason::vmread, reason::vmwrite, reason::vmxon,
            reason::gdtr_idtr, reason::ldtr_tr, invept, invvpid, reason::rdrand, reason::invpcid,
            reason::rdseed, xsaves});

constexpr u64 may_have_register_operand = set_of({reason::vmread, reason::vmwrite, reason::ldtr_tr});

bool is_in(u64 set, u32 number) { return number < 64 && (set >> number & 1) != 0; }

// Software interrupts and exceptions (types 4, 5, 6) have an instruction's length.
bool is_software(u64 information) {
    const u64 type = information >> 8 & 7;
    return (information & interruption::valid) != 0 && type >= 4 && type <= 6;
}

void add_event(Answer& answer, const char* name, const char* error_name, u64 information, Field error_field) {
    constexpr u64 not_always_defined = bit(12);
    answer.add(name, information & ~not_always_defined);
    if ((information & interruption::has_error_code) != 0) answer.add(error_name, vmread(error_field));
}

// Of a virtual interrupt that an exit cuts short Bochs 2.7 notes what an older event left; so with
// virtual-interrupt delivery only an event that the case injected is told.
u64 vectoring_information(const Case& c) {
    const bool injected = (c.fields[Slot::entry_interruption_information] & interruption::valid) != 0;
    if (uses(c, secondary::virtual_interrupts) && !injected) return 0;
    return vmread(field::idt_vectoring_information);
}

}  // namespace

void add_exit_information(Answer& answer, const Case& c, u32 exit_reason) {
    const u64 qualification = vmread(field::exit_qualification);
    const u64 instruction = vmread(field::exit_instruction_information);
    // Of an instruction with a register for operand Bochs 2.7 keeps a displacement of an earlier one.
    constexpr u64 register_operand = bit(10);
    if (!is_in(may_have_register_operand, exit_reason) || (instruction & register_operand) == 0)
        answer.add("qualification", qualification);
    const u64 event = vmread(field::exit_interruption_information), vectoring = vectoring_information(c);
    if ((event & interruption::valid) != 0)
        add_event(answer, "event", "event-error", event, field::exit_interruption_error_code);
    if ((vectoring & interruption::valid) != 0)
        add_event(answer, "vectoring", "vectoring-error", vectoring, field::idt_vectoring_error_code);

    constexpr u64 string_io = bit(4), linear_is_valid = bit(7);
    const bool string = exit_reason == reason::io && (qualification & string_io) != 0;
    if (is_in(caused_by_instruction, exit_reason) || is_software(event) || is_software(vectoring))
        answer.add("length", vmread(field::exit_instruction_length));
    if (string || is_in(with_instruction_information, exit_reason)) answer.add("instruction", instruction);
    if (exit_reason == reason::ept_violation || exit_reason == reason::ept_misconfiguration)
        answer.add("guest-physical", vmread(field::guest_physical_address));
    if (string || (exit_reason == reason::ept_violation && (qualification & linear_is_valid) != 0))
        answer.add("guest-linear", vmread(field::guest_linear_address));
}

}  // namespace conformance::random
