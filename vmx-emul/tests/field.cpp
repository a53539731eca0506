// fields.def against SDM 3D appendix B.
#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vmx/field.hpp>

namespace kurma::vmx {
namespace {

/// A run of fields in a table of appendix B: the first encoding, and the names in order, two encodings apart.
/// A name of "-" is a field that Kurma does not offer.
struct Run {
    u32 first;
    std::initializer_list<const char*> names;
};

const std::initializer_list<Run> appendix_b{
    {0x0000, {"vpid", "-", "eptp_index"}},
    {0x0800,
     {"guest_es_selector", "guest_cs_selector", "guest_ss_selector", "guest_ds_selector", "guest_fs_selector",
      "guest_gs_selector", "guest_ldtr_selector", "guest_tr_selector", "guest_interrupt_status",
      "pml_index"}},
    {0x0c00,
     {"host_es_selector", "host_cs_selector", "host_ss_selector", "host_ds_selector", "host_fs_selector",
      "host_gs_selector", "host_tr_selector"}},
    {0x2000,
     {"io_bitmap_a",
      "io_bitmap_b",
      "msr_bitmap",
      "exit_msr_store_address",
      "exit_msr_load_address",
      "entry_msr_load_address",
      "executive_vmcs",
      "pml_address",
      "tsc_offset",
      "virtual_apic_address",
      "apic_access_address",
      "-",
      "vm_function_controls",
      "eptp",
      "eoi_exit_bitmap0",
      "eoi_exit_bitmap1",
      "eoi_exit_bitmap2",
      "eoi_exit_bitmap3",
      "eptp_list_address",
      "vmread_bitmap",
      "vmwrite_bitmap",
      "ve_information_address",
      "xss_exiting_bitmap"}},
    {0x2032, {"tsc_multiplier"}},
    {0x2400, {"guest_physical_address"}},
    {0x2800,
     {"vmcs_link_pointer", "guest_debugctl", "guest_pat", "guest_efer", "-", "guest_pdpte0", "guest_pdpte1",
      "guest_pdpte2", "guest_pdpte3"}},
    {0x2c00, {"host_pat", "host_efer"}},
    {0x4000,
     {"pin_controls", "primary_controls", "exception_bitmap", "page_fault_error_code_mask",
      "page_fault_error_code_match", "cr3_target_count", "exit_controls", "exit_msr_store_count",
      "exit_msr_load_count", "entry_controls", "entry_msr_load_count", "entry_interruption_info",
      "entry_exception_error_code", "entry_instruction_length", "tpr_threshold", "secondary_controls",
      "ple_gap", "ple_window"}},
    {0x4400,
     {"vm_instruction_error", "exit_reason", "exit_interruption_info", "exit_interruption_error_code",
      "idt_vectoring_info", "idt_vectoring_error_code", "exit_instruction_length", "exit_instruction_info"}},
    {0x4800,
     {"guest_es_limit",
      "guest_cs_limit",
      "guest_ss_limit",
      "guest_ds_limit",
      "guest_fs_limit",
      "guest_gs_limit",
      "guest_ldtr_limit",
      "guest_tr_limit",
      "guest_gdtr_limit",
      "guest_idtr_limit",
      "guest_es_access_rights",
      "guest_cs_access_rights",
      "guest_ss_access_rights",
      "guest_ds_access_rights",
      "guest_fs_access_rights",
      "guest_gs_access_rights",
      "guest_ldtr_access_rights",
      "guest_tr_access_rights",
      "guest_interruptibility",
      "guest_activity_state",
      "guest_smbase",
      "guest_sysenter_cs",
      "-",
      "preemption_timer_value"}},
    {0x4c00, {"host_sysenter_cs"}},
    {0x6000,
     {"cr0_guest_host_mask", "cr4_guest_host_mask", "cr0_read_shadow", "cr4_read_shadow", "cr3_target0",
      "cr3_target1", "cr3_target2", "cr3_target3"}},
    {0x6400, {"exit_qualification", "io_rcx", "io_rsi", "io_rdi", "io_rip", "guest_linear_address"}},
    {0x6800, {"guest_cr0",          "guest_cr3",         "guest_cr4",
              "guest_es_base",      "guest_cs_base",     "guest_ss_base",
              "guest_ds_base",      "guest_fs_base",     "guest_gs_base",
              "guest_ldtr_base",    "guest_tr_base",     "guest_gdtr_base",
              "guest_idtr_base",    "guest_dr7",         "guest_rsp",
              "guest_rip",          "guest_rflags",      "guest_pending_debug_exceptions",
              "guest_sysenter_esp", "guest_sysenter_eip"}},
    {0x6c00,
     {"host_cr0", "host_cr3", "host_cr4", "host_fs_base", "host_gs_base", "host_tr_base", "host_gdtr_base",
      "host_idtr_base", "host_sysenter_esp", "host_sysenter_eip", "host_rsp", "host_rip"}},
};

std::map<std::string, u32> manual() {
    std::map<std::string, u32> encodings;
    for (const Run& run : appendix_b) {
        u32 encoding = run.first;
        for (const std::string name : run.names) {
            if (name != "-") encodings[name] = encoding;
            encoding += 2;
        }
    }
    return encodings;
}

TEST(FieldTable, each_row_has_the_encoding_of_appendix_b) {
    const auto encodings = manual();
    for (const FieldRow& row : field_rows) {
        ASSERT_TRUE(encodings.contains(row.name)) << row.name << " is not in the manual's list";
        EXPECT_EQ(row.encoding.raw, encodings.at(row.name)) << row.name;
    }
}

TEST(FieldTable, each_field_of_the_manuals_list_has_a_row) {
    std::set<std::string> names;
    for (const FieldRow& row : field_rows) names.insert(row.name);
    for (const auto& [name, encoding] : manual()) EXPECT_TRUE(names.contains(name)) << name;
    EXPECT_EQ(names.size(), field_count) << "two rows share a name";
}

TEST(FieldTable, guest_and_host_fields_are_named_so) {
    for (const FieldRow& row : field_rows) {
        const std::string name = row.name;
        const unsigned type = (row.encoding.raw >> 10) & 3;
        constexpr unsigned exit_information = 1, guest = 2, host = 3;
        EXPECT_EQ(name.starts_with("host_"), type == host) << name;
        if (name.starts_with("guest_")) {
            EXPECT_TRUE(type == guest || type == exit_information) << name;
        } else {
            const bool exception =
                name == "vmcs_link_pointer" || name == "preemption_timer_value" || name == "pml_index";
            EXPECT_EQ(type == guest, exception) << name;
        }
    }
}

// What harms L0 when L1 chooses it must not live where the processor reads it (SDM 3C 25.4 to 25.8).
TEST(FieldTable, no_control_or_host_field_lives_in_vmcs02) {
    for (const FieldRow& row : field_rows) {
        const unsigned type = (row.encoding.raw >> 10) & 3;
        constexpr u32 link_pointer = 0x2800;
        if (type != 0 && type != 3 && row.encoding.raw != link_pointer) continue;
        EXPECT_EQ(row.home, Home::vmcs12) << row.name;
    }
}

TEST(FieldTable, only_fields_that_live_in_vmcs02_may_be_shadowed_and_only_guest_state_read_write) {
    for (const FieldRow& row : field_rows) {
        if (row.shadow == Shadowable::no) continue;
        EXPECT_EQ(row.home, Home::vmcs02) << row.name;
        const bool guest_state = ((row.encoding.raw >> 10) & 3) == 2;
        EXPECT_EQ(row.shadow == Shadowable::rw, guest_state) << row.name;
    }
}

TEST(Encoding, parts_are_where_the_manual_puts_them) {
    constexpr Encoding high_guest_efer{0x2807};
    EXPECT_TRUE(high_guest_efer.high());
    EXPECT_EQ(high_guest_efer.index(), 3u);
    EXPECT_EQ(high_guest_efer.type(), FieldType::guest);
    EXPECT_EQ(high_guest_efer.width(), FieldWidth::w64);
    constexpr Encoding host_rip{0x6c16};
    EXPECT_FALSE(host_rip.high());
    EXPECT_EQ(host_rip.index(), 11u);
    EXPECT_EQ(host_rip.type(), FieldType::host);
    EXPECT_EQ(host_rip.width(), FieldWidth::natural);
    EXPECT_EQ(Encoding{0x4402}.type(), FieldType::exit_information);
    EXPECT_EQ(Encoding{0x4402}.width(), FieldWidth::w32);
    EXPECT_EQ(Encoding{0x0000}.type(), FieldType::control);
    EXPECT_EQ(Encoding{0x0c0c}.width(), FieldWidth::w16);
    EXPECT_EQ(Encoding{0x3fe}.index(), 0x1ffu);
}

TEST(FindField, finds_each_row_by_its_encoding) {
    for (usize i = 0; i < field_count; ++i) {
        const FieldLookup found = find_field(field_rows[i].encoding.raw);
        ASSERT_TRUE(found.found) << field_rows[i].name;
        EXPECT_EQ(static_cast<usize>(found.id), i) << field_rows[i].name;
    }
}

TEST(FindField, finds_a_high_half_for_64_bit_fields_and_for_no_other) {
    for (usize i = 0; i < field_count; ++i) {
        const u32 encoding = field_rows[i].encoding.raw;
        const bool is_64_bit = ((encoding >> 13) & 3) == 1;
        const FieldLookup found = find_field(encoding | 1);
        EXPECT_EQ(found.found, is_64_bit) << field_rows[i].name;
        if (!found.found) continue;
        EXPECT_EQ(static_cast<usize>(found.id), i) << field_rows[i].name;
    }
}

// Every encoding that fits into 17 bits, whether or not it has a meaning.
TEST(FindField, finds_nothing_else) {
    std::set<u32> known;
    for (const auto& [name, encoding] : manual()) {
        known.insert(encoding);
        if (((encoding >> 13) & 3) == 1) known.insert(encoding | 1);
    }
    for (u32 encoding = 0; encoding < 0x2'0000; ++encoding)
        ASSERT_EQ(find_field(encoding).found, known.contains(encoding)) << std::hex << encoding;
}

TEST(FindField, looks_at_all_64_bits) {
    for (unsigned bit = 15; bit < 64; ++bit) EXPECT_FALSE(find_field(0x681e | u64{1} << bit).found) << bit;
    EXPECT_FALSE(find_field(0x681e | 1u << 12).found);
    EXPECT_FALSE(find_field(~u64{0}).found);
}

TEST(ValueMask, is_as_wide_as_the_field) {
    EXPECT_EQ(value_mask({0x0800}), 0xffffu);
    EXPECT_EQ(value_mask({0x4000}), 0xffff'ffffu);
    EXPECT_EQ(value_mask({0x2000}), ~u64{0});
    EXPECT_EQ(value_mask({0x681e}), ~u64{0});
}

TEST(RawValues, survive_the_way_through_the_value_type) {
    EXPECT_EQ(to_raw(from_raw<Eptp>(0x1234'5000'001e)), 0x1234'5000'001eu);
    EXPECT_EQ(to_raw(from_raw<PinControls>(0x16)), 0x16u);
    EXPECT_EQ(to_raw(from_raw<u16>(0x1'2345)), 0x2345u);
    EXPECT_EQ(to_raw(from_raw<ExitReason>(0x8000'0021)), 0x8000'0021u);
}

}  // namespace
}  // namespace kurma::vmx
