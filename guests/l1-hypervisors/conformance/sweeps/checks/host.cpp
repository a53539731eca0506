// The host-state area (SDM 3C 27.2.2 to 27.2.4). What is accepted becomes this program's own state at the
// exit, and is put back then.
#include "cpu/instructions.hpp"
#include "sweeps/checks/starts.hpp"

namespace conformance::checks {
namespace {

constexpr u64 lowest_high_half = 0xFFFF800000000000, highest_low_half = 0x00007FFFFFFFFFFF;

// SMEP and SMAP are valid, but would end this program: its pages belong to user mode, too.
constexpr unsigned cr4_smep_bit = 20, cr4_smap_bit = 21;

void control_registers() {
    each_bit(long_mode, "host-cr0", field::host_cr0, 0, 63);
    each_bit(long_mode, "host-cr4", field::host_cr4, 0, cr4_smep_bit - 1);
    each_bit(long_mode, "host-cr4", field::host_cr4, cr4_smap_bit + 1, 63);
    each_bit(long_mode, "host-cr3", field::host_cr3, 0, 11);
    each_bit(long_mode, "host-cr3", field::host_cr3, physical_width(), 63);
}

constexpr struct {
    const char* name;
    Field field;
} selectors[] = {{"host-cs", field::host_cs_selector}, {"host-ss", field::host_ss_selector},
                 {"host-ds", field::host_ds_selector}, {"host-es", field::host_es_selector},
                 {"host-fs", field::host_fs_selector}, {"host-gs", field::host_gs_selector},
                 {"host-tr", field::host_tr_selector}};

void segment_selectors() {
    for (const auto& s : selectors) {
        each_bit(long_mode, s.name, s.field, 0, 2);
        each_value(long_mode, s.name, s.field, {0, 8, 0xFFF8});
    }
}

constexpr struct {
    const char* name;
    Field field;
} linear_addresses[] = {
    {"host-fs-base", field::host_fs_base},          {"host-gs-base", field::host_gs_base},
    {"host-tr-base", field::host_tr_base},          {"host-gdtr-base", field::host_gdtr_base},
    {"host-idtr-base", field::host_idtr_base},      {"host-sysenter-esp", field::host_sysenter_esp},
    {"host-sysenter-eip", field::host_sysenter_eip}};

void canonical_addresses() {
    for (const auto& l : linear_addresses) {
        each_bit(long_mode, l.name, l.field, 47, 63);
        each_value(long_mode, l.name, l.field,
                   {lowest_high_half, highest_low_half, lowest_high_half - 1, highest_low_half + 1, ~u64{0}});
    }
    each_bit(long_mode, "host-rip", field::host_rip, 47, 63);
    each_value(long_mode, "host-sysenter-cs", field::host_sysenter_cs, {0, 1, 8, 0xFFFFFFFF});
}

void page_attributes() {
    for (unsigned byte = 0; byte < 8; ++byte)
        for (const u64 type : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 0x10u, 0x40u, 0x80u, 0xFFu})
            check_edits(long_mode, Text("host-pat-byte-", byte, "-", hex(type)),
                        {{field::host_pat, u64{0xFF} << 8 * byte, type << 8 * byte}});
    check_edits(long_mode, Text("host-pat-not-loaded"),
                {{field::exit_controls, exit_control::load_pat, 0}, replace(field::host_pat, whole)});
}

void extended_features() {
    each_bit(long_mode, "host-efer", field::host_efer, 0, 63);
    check_edits(long_mode, Text("host-efer-not-loaded"),
                {{field::exit_controls, exit_control::load_efer, 0}, replace(field::host_efer, whole)});
    check_edits(long_mode, Text("host-efer-legacy"), {replace(field::host_efer, 0)});
    check_edits(long_mode, Text("host-legacy-whole"),
                {replace(field::host_efer, 0),
                 {field::exit_controls, exit_control::host_64bit, 0},
                 {field::entry_controls, entry_control::guest_64bit, 0}});
}

void performance_counters() {
    each_bit(everything, "host-perf-global-ctrl", field::host_perf_global_ctrl, 0, 63);
}

}  // namespace

void host_checks() {
    control_registers();
    segment_selectors();
    canonical_addresses();
    page_attributes();
    extended_features();
    performance_counters();
}

}  // namespace conformance::checks
