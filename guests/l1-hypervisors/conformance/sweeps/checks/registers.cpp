// Guest control registers, debug registers, MSRs, descriptor tables, RIP and RFLAGS (SDM
// 3C 27.3.1.1, 27.3.1.3, 27.3.1.4), for each kind of guest.
#include "cpu/instructions.hpp"
#include "sweeps/checks/starts.hpp"

namespace conformance::checks {
namespace {

constexpr u64 lowest_high_half = 0xFFFF800000000000, highest_low_half = 0x00007FFFFFFFFFFF;

void control_registers(const Start& start) {
    each_bit(start, "cr0", field::guest_cr0, 0, 63);
    each_bit(start, "cr4", field::guest_cr4, 0, 63);
    each_bit(start, "cr3", field::guest_cr3, 0, 4);
    each_bit(start, "cr3", field::guest_cr3, physical_width(), 63);
    // Bochs 2.7 takes an unrestricted IA-32e guest without PE and PG for valid, and stops the machine.
    if (!start.ia32e_mode)
        check_edits(start, Text("cr0-without-pe-and-pg"), {{field::guest_cr0, cr0_pe | cr0_pg, 0}});
    check_edits(start, Text("cr0-with-pe-and-pg"), {{field::guest_cr0, 0, cr0_pe | cr0_pg}});
    check_edits(start, Text("pcid-in-ia32e"),
                {{field::guest_cr4, 0, bit(17)}, {field::entry_controls, 0, entry_control::guest_64bit}});
}

void debug_controls(const Start& start) {
    each_bit(start, "debugctl", field::guest_debugctl, 0, 63);
    each_bit(start, "dr7", field::guest_dr7, 0, 63);
    check_edits(start, Text("debug-controls-not-loaded"),
                {{field::entry_controls, entry_control::load_debug, 0},
                 replace(field::guest_debugctl, whole),
                 replace(field::guest_dr7, whole)});
}

void extended_features(const Start& start) {
    constexpr u64 lme = bit(8), lma = bit(10);
    each_bit(start, "efer", field::guest_efer, 0, 63);
    for (const u64 mode : {u64{0}, lme, lma, lme | lma})
        for (const bool ia32e : {false, true})
            check_edits(start, Text("efer-mode-", hex(mode), "-ia32e", u32{ia32e}),
                        {{field::guest_efer, lme | lma, mode},
                         {field::entry_controls, entry_control::guest_64bit,
                          ia32e ? entry_control::guest_64bit : 0}});
    check_edits(start, Text("efer-not-loaded"),
                {{field::entry_controls, entry_control::load_efer, 0}, replace(field::guest_efer, whole)});
}

// Nothing in a guest's mode matters to page attributes and counters: one start is enough.
void page_attributes() {
    for (unsigned byte = 0; byte < 8; ++byte)
        for (const u64 type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 0x10u, 0x40u, 0x80u, 0xFFu})
            check_edits(long_mode, Text("pat-byte-", byte, "-", hex(type)),
                        {{field::guest_pat, u64{0xFF} << 8 * byte, type << 8 * byte}});
    check_edits(long_mode, Text("pat-not-loaded"),
                {{field::entry_controls, entry_control::load_pat, 0}, replace(field::guest_pat, whole)});
    each_bit(everything, "perf-global-ctrl", field::guest_perf_global_ctrl, 0, 63);
}

constexpr struct {
    const char* name;
    Field field;
} linear_addresses[] = {{"sysenter-esp", field::guest_sysenter_esp},
                        {"sysenter-eip", field::guest_sysenter_eip},
                        {"gdtr-base", field::guest_gdtr_base},
                        {"idtr-base", field::guest_idtr_base}};

void canonical_addresses(const Start& start) {
    for (const auto& l : linear_addresses) {
        each_bit(start, l.name, l.field, 47, 48);
        each_bit(start, l.name, l.field, 63, 63);
        each_value(start, l.name, l.field,
                   {lowest_high_half, highest_low_half, lowest_high_half - 1, highest_low_half + 1, ~u64{0}});
    }
}

void table_limits(const Start& start) {
    each_bit(start, "gdtr-limit", field::guest_gdtr_limit, 15, 31);
    each_bit(start, "idtr-limit", field::guest_idtr_limit, 15, 31);
}

// An instruction pointer that is accepted leads nowhere: the fetch ends the run.
void instruction_pointer(const Start& start) {
    each_bit(start, "rip", field::guest_rip, 32, 63);
    each_value(start, "rip", field::guest_rip,
               {lowest_high_half, highest_low_half, lowest_high_half - 1, highest_low_half + 1, ~u64{0}});
}

// TF traps after VMCALL's exit, that is never; AC and IOPL do not matter to VMCALL.
void flags(const Start& start) {
    each_bit(start, "rflags", field::guest_rflags, 0, 63);
    check_edits(start, Text("rflags-zero"), {replace(field::guest_rflags, 0)});
    check_edits(start, Text("rflags-all"), {replace(field::guest_rflags, 0x3F7FD7 & ~rflags_vm)});
}

}  // namespace

void guest_register_checks() {
    for (usize i = 0; i < guest_count; ++i) {
        const Start& start = *guests[i];
        control_registers(start);
        extended_features(start);
        instruction_pointer(start);
        flags(start);
    }
    for (usize i = 0; i < main_guest_count; ++i) {
        canonical_addresses(*main_guests[i]);
        table_limits(*main_guests[i]);
    }
    for (const Start* start : {&long_mode, &legacy}) debug_controls(*start);
    page_attributes();
}

}  // namespace conformance::checks
