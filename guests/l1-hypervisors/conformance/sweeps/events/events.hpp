// The parts of the topic "events": events that L1 injects, what their delivery meets, and what an exit saves
// of them (SDM 3C 27.6, 28.2.4, 28.3.4).
#pragma once

#include "sweeps/catcher.hpp"

namespace conformance::events {

inline constexpr char topic[] = "events";

// Types of an event (SDM 3C table 25-17); 1 is reserved.
struct Type {
    const char* name;
    u32 bits;
};
inline constexpr Type external = {"external", 0 << 8}, reserved = {"reserved", 1 << 8}, nmi = {"nmi", 2 << 8},
                      hardware = {"hardware", 3 << 8}, software_interrupt = {"software-interrupt", 4 << 8},
                      privileged = {"privileged", 5 << 8},
                      software_exception = {"software-exception", 6 << 8};

struct Event {
    Type type;
    u32 vector;
    bool has_error_code = false;
};

inline constexpr u32 by_sti = 1, by_mov_ss = 2, by_nmi = 8;

// Asks the next entry of the current VMCS for the event; its error code is 0 or a selector's.
void inject(const Event& event, u32 length = 1);
// `TYPE-VECTOR` and an `e` if it has an error code.
Text name_of(const Event& event);
// The answer, what was caught, and what is left of the request.
void enter_and_print(const Text& name, Vcpu& vcpu);

void sweep_injection();
void sweep_faults_in_delivery();
void sweep_shadows();
void sweep_pending_debug();
void sweep_virtual_nmis();

}  // namespace conformance::events
