// Every VM-entry check of SDM 3C chapter 27, violated alone, and its nearest valid neighbours.
#include "sweeps/checks/starts.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {

void sweep_entry_checks() {
    using namespace checks;
    for (usize i = 0; i < guest_count; ++i) check_edits(*guests[i], Text("as-it-is"), {});
    check_edits(everything, Text("as-it-is"), {});
    control_checks();
    address_checks();
    apic_checks();
    event_checks();
    host_checks();
    guest_register_checks();
    guest_segment_checks();
    guest_state_checks();
    link_pointer_checks();
    pdpte_checks();
}

}  // namespace conformance
