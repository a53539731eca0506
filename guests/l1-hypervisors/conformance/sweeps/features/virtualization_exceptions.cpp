// EPT violations that become exceptions of L2 (SDM 3C 26.5.7).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "sweeps/features/features.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_memory[], forms_vmfunc[];

namespace {

constexpr u32 virtualization_exception = 20;
constexpr u64 suppress = bit(63);
constexpr u8 return_instruction = 0xC3;

// SDM 3C table 26-2.
struct Information {
    u32 reason, busy;
    u64 qualification, linear, physical;
    u16 eptp_index;
};

Page information_page, frame, eptp_list;
Information& information() { return *at_address<Information>(information_page.address()); }

// Which entry stops the access, and what it is then.
enum class Place { page, table, directory };

struct Situation {
    const char* name;
    Place place;
    u64 entry;
    u32 busy = 0;
    u32 exceptions = 0;
    u32 secondary = secondary::virtualization_exceptions;
};

constexpr u64 wb = ept_entry::write_back;

constexpr Situation situations[] = {
    {"absent", Place::page, 0},
    {"absent-suppressed", Place::page, suppress},
    {"absent-busy", Place::page, 0, 1},
    {"absent-very-busy", Place::page, 0, 0xFFFFFFFF},
    {"absent-intercepted", Place::page, 0, 0, 1u << virtualization_exception},
    {"absent-control-off", Place::page, 0, 0, 0, 0},
    {"read-only", Place::page, ept_entry::read | wb},
    {"read-only-suppressed", Place::page, ept_entry::read | wb | suppress},
    {"writable", Place::page, ept_entry::read | ept_entry::write | wb},
    {"writable-suppressed", Place::page, ept_entry::read | ept_entry::write | wb | suppress},
    {"all-suppressed", Place::page, ept_entry::all | wb | suppress},
    {"misconfigured", Place::page, ept_entry::write | wb},
    {"no-table", Place::table, 0},
    {"no-table-suppressed", Place::table, suppress},
    {"suppressed-table", Place::table, ept_entry::read | suppress},
    {"no-directory", Place::directory, 0},
    {"no-directory-suppressed", Place::directory, suppress},
};

constexpr u64 hidden = Ept::hidden_gib;

u64 place_entry(Vcpu& vcpu, const Situation& s) {
    const u64 table_bits = s.entry & ~wb;
    switch (s.place) {
        case Place::page:
            vcpu.ept.window_entry(0) = s.entry | ((s.entry & ept_entry::all) != 0 ? frame.address() : 0);
            return Ept::window;
        case Place::table:
            // A table that stands for nothing but this case: the hidden GiB has an empty directory.
            vcpu.ept.hidden_directory_entry() =
                table_bits | ((s.entry & ept_entry::all) != 0 ? frame.address() : 0);
            return hidden;
        case Place::directory: vcpu.ept.hidden_gib_entry() = s.entry; return hidden;
    }
    return 0;
}

// Without the EPTP index: Bochs 2.7 writes the one of the last VMFUNC, whatever this VMCS says. See
// after_a_switch().
void append_information(Text& text) {
    const volatile l2::Delivery& delivery = l2::delivery();
    text.append(" delivered=", u64{delivery.count});
    if (delivery.count != 0) text.append(" vector=", u64{delivery.vector}, " at=", hex(u64{delivery.rip}));
    const Information& area = information();
    text.append(" area: reason=", hex(area.reason), " busy=", hex(area.busy),
                " qualification=", hex(area.qualification), " linear=", hex(area.linear),
                " physical=", hex(area.physical));
}

void provoke(const Situation& s, const Form& form) {
    const Text name("ve/", s.name, "/", form.name);
    if (!is_offered({.secondary = secondary::virtualization_exceptions})) return print_absent(topic, name);
    information_page.clear();
    for (u8& byte : frame.bytes) byte = return_instruction;
    Vcpu& vcpu = fresh(form.code, {.secondary = s.secondary});
    vmwrite(field::exception_bitmap, s.exceptions);
    vmwrite(field::ve_information_address, information_page.address());
    vcpu.registers.rdi = place_entry(vcpu, s);
    information().busy = s.busy;
    l2::delivery().count = 0;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited()) append_information(text);
    print_case(topic, name, text);
}

// An access of the delivery of an event is never made an exception.
void provoke_during_delivery(bool suppressed) {
    const Text name("ve/during-delivery", suppressed ? "-suppressed" : "");
    if (!is_offered({.secondary = secondary::virtualization_exceptions})) return print_absent(topic, name);
    information_page.clear();
    Vcpu& vcpu = fresh(&l2_finish, {.secondary = secondary::virtualization_exceptions});
    vmwrite(field::ve_information_address, information_page.address());
    vcpu.ept.window_entry(0) = suppressed ? suppress : 0;
    vmwrite(field::guest_idtr_base, Ept::window);
    vmwrite(field::entry_interruption_information,
            interruption::valid | interruption::hardware_exception | vector_ud);
    l2::delivery().count = 0;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited()) append_information(text);
    print_case(topic, name, text);
}

// The EPTP index in the area is the one that the VMFUNC before has chosen.
void after_a_switch() {
    constexpr u64 eptp_switching = bit(0), place = 3;
    const Text name("ve/after-a-switch");
    if (!is_offered({.secondary = secondary::virtualization_exceptions | secondary::vm_functions}))
        return print_absent(topic, name);
    information_page.clear();
    eptp_list.clear();
    Vcpu& vcpu = fresh(forms_vmfunc[0].code,
                       {.secondary = secondary::virtualization_exceptions | secondary::vm_functions});
    at_address<u64>(eptp_list.address())[place] = vcpu.ept.pointer();
    vmwrite(field::exception_bitmap, 0);
    vmwrite(field::ve_information_address, information_page.address());
    vmwrite(field::vm_function_controls, eptp_switching);
    vmwrite(field::eptp_list_address, eptp_list.address());
    vcpu.registers.rax = 0;
    vcpu.registers.rcx = place;
    vcpu.registers.rdi = Ept::window;
    l2::delivery().count = 0;
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    append_information(text);
    text.append(" index=", hex(information().eptp_index), " in-vmcs=", hex(vmread(field::eptp_index)));
    print_case(topic, name, text);
}

}  // namespace

void sweep_virtualization_exceptions() {
    for (const Situation& situation : situations)
        for (const Form* form = forms_memory; form->name != nullptr; ++form) provoke(situation, *form);
    for (const bool suppressed : {false, true}) provoke_during_delivery(suppressed);
    after_a_switch();
}

}  // namespace conformance::features
