// A topic is a row of cases; a case is one line: `case TOPIC/NAME: what the processor answered`. Nothing here
// knows what is right: the same program on the bare processor does.
#pragma once

#include "base/integer.hpp"

namespace conformance {

using namespace kit;

struct Topic {
    const char* name;
    void (*run)();
};

// Every topic, or the one of that name; then `conformance: end`.
void run_sweeps(const char* only);
void list_topics();

void sweep_capabilities();
void sweep_controls();
void sweep_fields();
void sweep_entry_checks();
void sweep_instructions();
void sweep_msr_areas();

void sweep_exits();
void sweep_features();
void sweep_ept();
void sweep_events();
void sweep_modes();

}  // namespace conformance
