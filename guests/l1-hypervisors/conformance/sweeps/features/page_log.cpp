// The page-modification log (SDM 3C 29.3.6).
#include "base/memory.hpp"
#include "sweeps/features/features.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_memory[], forms_two_writes[];

namespace {

constexpr u64 log_entries = 512;
constexpr u8 return_instruction = 0xC3;

Page log, frames[2];

u64& log_entry(u64 index) { return at_address<u64>(log.address())[index]; }

struct Situation {
    const char* name;
    u32 index;
    bool accessed_dirty;
    u64 before;  // accessed and dirty bits of the pages
    u32 secondary = secondary::page_log;
};

constexpr u64 dirty_already = ept_entry::accessed | ept_entry::dirty;

// No log that L2's last write fills: Bochs 2.7 exits right then, the manual at the next page that is to be
// logged.
constexpr Situation situations[] = {
    {"full-room", log_entries - 1, true, 0},
    {"dirty-already", log_entries - 1, true, dirty_already},
    {"accessed-already", log_entries - 1, true, ept_entry::accessed},
    {"without-accessed-dirty", log_entries - 1, false, 0},
    {"control-off", log_entries - 1, true, 0, 0},
    {"room-for-4", 3, true, 0},
    {"room-for-1", 0, true, 0},
    {"no-room", 0xFFFF, true, 0},
    {"index-512", log_entries, true, 0},
};

void append_log(Text& text) {
    text.append(" index=", hex(vmread(field::pml_index)));
    for (u64 index = log_entries; index-- > 0;)
        if (log_entry(index) != 0) text.append(" log[", index, "]=", hex(log_entry(index)));
}

void append_bits(Text& text, Vcpu& vcpu) {
    for (u64 page = 0; page < 2; ++page)
        text.append(" page-", page, "-bits=", hex(vcpu.ept.window_entry(page) & dirty_already));
}

void enter_and_print(const Text& name, Vcpu& vcpu) {
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited()) {
        append_log(text);
        append_bits(text, vcpu);
    }
    print_case(topic, name, text);
}

// What L2 dirties by itself, the page with its stack first of all, is in the log too.
void write(const Situation& s, const Form& form) {
    const Text name("pml/", s.name, "/", form.name), again("pml/", s.name, "/", form.name, "/again");
    if (!is_offered({.secondary = secondary::page_log})) {
        print_absent(topic, name);
        return print_absent(topic, again);
    }
    log.clear();
    Vcpu& vcpu = fresh(form.code, {.secondary = s.secondary, .accessed_dirty = s.accessed_dirty});
    vmwrite(field::pml_address, log.address());
    vmwrite(field::pml_index, s.index);
    for (u64 page = 0; page < 2; ++page)
        vcpu.ept.window_entry(page) =
            frames[page].address() | ept_entry::all | ept_entry::write_back | s.before;
    frames[0].bytes[0] = return_instruction;
    vcpu.registers.rdi = Ept::window;
    enter_and_print(name, vcpu);
    vmwrite(field::pml_index, log_entries - 1);
    enter_and_print(again, vcpu);
}

}  // namespace

void sweep_page_log() {
    for (const Situation& situation : situations) {
        for (const Form* form = forms_memory; form->name != nullptr; ++form) write(situation, *form);
        write(situation, forms_two_writes[0]);
    }
}

}  // namespace conformance::features
