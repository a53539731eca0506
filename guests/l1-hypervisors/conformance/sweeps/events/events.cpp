#include "sweeps/events/events.hpp"

#include "cpu/instructions.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {
namespace events {

void inject(const Event& event, u32 length) {
    constexpr u64 selector = 0x10;
    vmwrite(field::entry_interruption_information,
            interruption::valid | event.type.bits | event.vector |
                (event.has_error_code ? interruption::has_error_code : 0));
    vmwrite(field::entry_exception_error_code, event.has_error_code ? selector : 0);
    vmwrite(field::entry_instruction_length, length);
}

Text name_of(const Event& event) {
    return Text(event.type.name, "-", hex(event.vector), event.has_error_code ? "e" : "");
}

void enter_and_print(const Text& name, Vcpu& vcpu) {
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_pending_debug);
    append_caught(text);
    text.append(" request=", hex(vmread(field::entry_interruption_information)), " cr2=", hex(read_cr2()));
    print_case(topic, name, text);
}

}  // namespace events

void sweep_events() {
    events::sweep_injection();
    events::sweep_faults_in_delivery();
    events::sweep_shadows();
    events::sweep_pending_debug();
    events::sweep_virtual_nmis();
}

}  // namespace conformance
