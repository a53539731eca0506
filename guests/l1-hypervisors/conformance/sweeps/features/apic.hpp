// The virtual-APIC page and the APIC-access page of the cases about L2's local APIC (SDM 3C 30).
#pragma once

#include "sweeps/features/features.hpp"

namespace conformance::features::apic_pages {

// Registers of a local APIC by their offset (SDM 3A table 11-1).
inline constexpr u32 task_priority = 0x80, processor_priority = 0xA0, end_of_interrupt = 0xB0,
                     service = 0x100, trigger_mode = 0x180, request = 0x200, command_low = 0x300,
                     command_high = 0x310;

// Fills both pages so that each register of either is told from all others, points the VMCS at them, and maps
// the first page of the EPT window onto the APIC-access page. No interrupt is pending or in service.
void prepare(Vcpu& vcpu, u32 priority);
inline constexpr u64 linear = Ept::window;  // where L2 finds its APIC

u32& virtual_register(u32 offset);
void set_vector(u32 bank, u32 vector);  // in the bank that starts at `service`, `request` or `trigger_mode`

// Every register of the virtual-APIC page, and of the page behind accesses, that is not as prepare() and what
// followed left it when the guest was entered.
void remember();
void append_changes(Text& text);

// Enters and prints the answer with RAX and the changes.
void print(const Text& name, Vcpu& vcpu);

}  // namespace conformance::features::apic_pages
