// Every type and many vectors, in every state of L2 in which an event may or may not be injected (SDM
// 3C 27.2.1.3, 27.3.1.5, 27.6.1).
#include "cpu/instructions.hpp"
#include "sweeps/events/events.hpp"

namespace conformance::events {

extern "C" const Form forms_idle[];

namespace {

// Not "other event" (7): Bochs 2.7 ends itself when it is asked for one.
constexpr Type types[] = {external,   reserved,          nmi, hardware, software_interrupt,
                          privileged, software_exception};
constexpr u32 vectors[] = {0, 1, 2, 3, 4, 6, 8, 10, 13, 14, 17, 18, 20, 21, 31, 32, 0x51, 0xFF};
constexpr u32 blockings[] = {0, by_sti, by_mov_ss, by_nmi, by_sti | by_nmi, by_mov_ss | by_nmi};
constexpr u32 active = 0, halted = 1, shut_down = 2;

Vcpu& idle_guest() {
    Vcpu& vcpu = fresh(forms_idle[0].code);
    vmwrite(field::exception_bitmap, 0);
    catch_events();
    write_cr2(0);
    return vcpu;
}

void put_in(bool interrupts_on, u32 blocking, u32 activity) {
    vmwrite(field::guest_rflags, rflags_reserved1 | (interrupts_on ? rflags_if : 0));
    vmwrite(field::guest_interruptibility, blocking);
    vmwrite(field::guest_activity, activity);
}

void try_event(const Event& event, bool interrupts_on, u32 blocking, u32 activity) {
    Vcpu& vcpu = idle_guest();
    put_in(interrupts_on, blocking, activity);
    inject(event);
    enter_and_print(Text("inject/", name_of(event), interrupts_on ? "/on" : "/off", "/blocking-", blocking,
                         "/activity-", activity),
                    vcpu);
}

// The exception bitmap is not asked about an event that L1 injects.
void try_intercepted(const Event& event) {
    Vcpu& vcpu = idle_guest();
    vmwrite(field::exception_bitmap, every_exception);
    inject(event);
    enter_and_print(Text("inject-intercepted/", name_of(event)), vcpu);
}

void try_length(const Event& event, u32 length) {
    Vcpu& vcpu = idle_guest();
    inject(event, length);
    enter_and_print(Text("inject-length/", name_of(event), "/", length), vcpu);
}

// Which events let a guest out of an inactive state, so that it goes on. (Nothing else wakes a halted L2 with
// interrupts off on Bochs, so there is no case without an event.)
void sweep_activities() {
    constexpr Event waking[] = {{nmi, 2},
                                {hardware, 1},
                                {hardware, 18},
                                {hardware, 6},
                                {hardware, 13, true},
                                {software_interrupt, 0x51},
                                {software_exception, 3},
                                {privileged, 1}};
    for (const Event& event : waking)
        for (const u32 activity : {halted, shut_down}) try_event(event, true, 0, activity);
    for (const u32 activity : {halted, shut_down}) try_event({external, 0x51}, true, 0, activity);
}

}  // namespace

void sweep_injection() {
    for (const Type& type : types)
        for (const u32 vector : vectors) {
            try_event({type, vector}, true, 0, active);
            try_event({type, vector, true}, true, 0, active);
            try_intercepted({type, vector});
        }
    constexpr Event one_of_each[] = {{external, 0x51}, {nmi, 2},
                                     {hardware, 6},    {hardware, 13, true},
                                     {hardware, 1},    {software_interrupt, 0x51},
                                     {privileged, 1},  {software_exception, 3}};
    for (const Event& event : one_of_each)
        for (const u32 blocking : blockings)
            for (const bool interrupts_on : {false, true})
                if (blocking != 0 || !interrupts_on) try_event(event, interrupts_on, blocking, active);
    constexpr u32 longest = 16;
    for (const Event& event : {Event{software_interrupt, 0x51}, Event{privileged, 1},
                               Event{software_exception, 3}, Event{hardware, 6}})
        for (u32 length = 0; length <= longest; ++length) try_length(event, length);
    sweep_activities();
}

}  // namespace conformance::events
