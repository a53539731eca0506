// The valid states that cases start from (SDM 3C 27.2, 27.3).
#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"
#include "cpu/traps.hpp"
#include "random/arena.hpp"
#include "random/case.hpp"
#include "random/host.hpp"
#include "random/instructions.hpp"
#include "random/processor.hpp"

namespace conformance::random {

const char* const mode_names[] = {"64-bit",  "compatibility", "32-bit",      "pae",
                                  "unpaged", "real",          "virtual-8086"};
static_assert(sizeof mode_names / sizeof mode_names[0] == static_cast<usize>(Mode::count));

namespace {

constexpr u64 cr0_pe = bit(0), cr0_mp = bit(1), cr0_et = bit(4), cr0_wp = bit(16), cr0_pg = bit(31);
constexpr u64 cr4_pse = bit(4), cr4_pae = bit(5), cr4_osfxsr = bit(9);
constexpr u64 efer_sce = bit(0), efer_lme = bit(8), efer_lma = bit(10), efer_nxe = bit(11);
constexpr u64 rflags_vm = bit(17), rflags_iopl = bit(12) | bit(13);
constexpr u64 dr7_reset = 0x400, no_link = ~u64{0}, pat_reset = 0x0007040600070406;
constexpr u32 real_limit = 0xFFFF, flat_limit = 0xFFFFFFFF, task_limit = 0x67;

// Access rights (SDM 3C 25.4.1).
constexpr u32 access_code64 = 0xA09B, access_code32 = 0xC09B, access_code16 = 0x009B, access_data = 0xC093,
              access_data16 = 0x0093, access_virtual8086 = 0x00F3, access_user = 0x60,
              access_busy_task = 0x008B, access_local_table = 0x0082, access_unusable = 0x10000;

// Long enough never to end a case whose L2 behaves, however much slower a hypervisor below makes it.
constexpr u64 watchdog = 0x20000000;

struct SegmentSlots {
    Slot selector, base, limit, access;
};
#define RANDOM_SEGMENT(name)                                                                  \
    SegmentSlots {                                                                            \
        Slot::guest_##name##_selector, Slot::guest_##name##_base, Slot::guest_##name##_limit, \
            Slot::guest_##name##_access                                                       \
    }
constexpr SegmentSlots data_segments[] = {RANDOM_SEGMENT(ss), RANDOM_SEGMENT(ds), RANDOM_SEGMENT(es),
                                          RANDOM_SEGMENT(fs), RANDOM_SEGMENT(gs)};

struct Segment {
    u16 selector;
    u64 base;
    u32 limit, access;
};
constexpr Segment absent = {0, 0, 0, access_unusable};

void set(Image& fields, const SegmentSlots& slots, const Segment& segment) {
    fields[slots.selector] = segment.selector;
    fields[slots.base] = segment.base;
    fields[slots.limit] = segment.limit;
    fields[slots.access] = segment.access;
}

bool is_long(Mode mode) { return mode == Mode::wide || mode == Mode::compatibility; }
bool is_16_bit(Mode mode) { return mode == Mode::real || mode == Mode::virtual8086; }
bool needs_unrestricted_guest(Mode mode) { return mode == Mode::unpaged || mode == Mode::real; }

Segment paragraph(u64 base, u32 access) { return {static_cast<u16>(base >> 4), base, real_limit, access}; }

void set_segments(Case& c) {
    Image& fields = c.fields;
    const u32 privilege = c.user ? access_user : 0;
    if (is_16_bit(c.mode)) {
        const bool real = c.mode == Mode::real;
        set(fields, RANDOM_SEGMENT(cs), paragraph(at::code, real ? access_code16 : access_virtual8086));
        for (const SegmentSlots& slots : data_segments)
            set(fields, slots, paragraph(at::data, real ? access_data16 : access_virtual8086));
        set(fields, RANDOM_SEGMENT(ss), paragraph(at::stack, real ? access_data16 : access_virtual8086));
    } else {
        const bool wide = c.mode == Mode::wide;
        const u16 code = c.user ? (wide ? l2_selector::user_code64 : l2_selector::user_code32)
                                : (wide ? l2_selector::code64 : l2_selector::code32);
        const u16 data = c.user ? l2_selector::user_data : l2_selector::data;
        set(fields, RANDOM_SEGMENT(cs),
            {code, 0, flat_limit, (wide ? access_code64 : access_code32) | privilege});
        for (const SegmentSlots& slots : data_segments)
            set(fields, slots, {data, 0, flat_limit, access_data | privilege});
    }
    set(fields, RANDOM_SEGMENT(ldtr), absent);
    constexpr u64 second_task = 0x800;
    set(fields, RANDOM_SEGMENT(tr),
        {l2_selector::task, at::task + (is_long(c.mode) ? 0 : second_task), task_limit, access_busy_task});
}

void set_registers(Case& c, Chance& chance) {
    Image& fields = c.fields;
    const bool paged = !needs_unrestricted_guest(c.mode);
    fields[Slot::guest_cr0] =
        cr0_ne | cr0_et | cr0_mp | cr0_wp | (c.mode == Mode::real ? 0 : cr0_pe) | (paged ? cr0_pg : 0);
    const bool wide_entries =
        is_long(c.mode) || c.mode == Mode::pae || (c.mode == Mode::virtual8086 && chance.one_in(2));
    fields[Slot::guest_cr4] = cr4_vmxe | cr4_pse | cr4_osfxsr | (wide_entries ? cr4_pae : 0);
    fields[Slot::guest_cr3] = is_long(c.mode) ? arena.pml4.address()
                              : wide_entries  ? arena.pae_pdpt.address()
                                              : arena.directory32.address();
    fields[Slot::cr3_target_0] = fields[Slot::guest_cr3];
    fields[Slot::cr3_target_1] = arena.zeroes.address();
    fields[Slot::cr3_target_count] = chance.below(3);
    fields[Slot::guest_dr7] = dr7_reset;
    const u64 code = is_16_bit(c.mode) ? 0 : at::code, stack = is_16_bit(c.mode) ? 0 : at::stack;
    fields[Slot::guest_rip] = code + at::entry;
    fields[Slot::guest_rsp] = stack + at::stack_start;
    fields[Slot::guest_rflags] = rflags_reserved1 | (chance.one_in(2) ? rflags_if : 0) |
                                 (c.mode == Mode::virtual8086 ? rflags_vm | rflags_iopl : 0);
    fields[Slot::guest_gdtr_base] = at::gdt;
    fields[Slot::guest_gdtr_limit] = 0x7F;
    fields[Slot::guest_idtr_base] = is_long(c.mode)        ? at::idt64
                                    : c.mode == Mode::real ? at::vectors
                                                           : at::idt32;
    fields[Slot::guest_idtr_limit] = is_long(c.mode) ? 0xFFF : c.mode == Mode::real ? 0x3FF : 0x7FF;
    fields[Slot::guest_efer] =
        (is_long(c.mode) ? efer_lme | efer_lma : 0) | efer_nxe | (chance.one_in(2) ? efer_sce : 0);
    fields[Slot::guest_pat] = pat_reset;
    fields[Slot::guest_sysenter_cs] = l2_selector::code64;
    fields[Slot::guest_sysenter_esp] = at::ring0_stack + at::stack_start;
    fields[Slot::guest_sysenter_eip] = at::handlers;
    fields[Slot::vmcs_link_pointer] = no_link;
    fields[Slot::guest_pdpte_0] = arena.pae_pdpt.entry[0];
    c.registers = {.rax = 0x1111,
                   .rbx = 0,
                   .rcx = 0,
                   .rdx = 0,
                   .rsi = 0,
                   .rdi = 0,
                   .rbp = 0x7777,
                   .r8 = 8,
                   .r9 = 9,
                   .r10 = 10,
                   .r11 = 11,
                   .r12 = 12,
                   .r13 = 13,
                   .r14 = 14,
                   .r15 = 15};
    c.registers.rbx = c.registers.rsi = c.registers.rdi = (is_16_bit(c.mode) ? 0 : at::data) + at::data_start;
}

// A control that some cases have: one in two.
u32 maybe(Chance& chance, u32 control) { return chance.one_in(2) ? control : 0; }

u64 bitmap(Chance& chance) {
    const u64 pages[] = {arena.zeroes.address(), arena.ones.address(), arena.mixed.address()};
    return chance.pick(pages);
}

// Features that ask for others (SDM 3C 27.2.1.1) come only with these.
u32 secondary_controls(const Case& c, u32 primary_wanted, u32 pin_wanted, Chance& chance) {
    const bool tpr_shadow = (primary_wanted & primary::tpr_shadow) != 0;
    const bool interrupts_exit = (pin_wanted & pin::external_interrupt) != 0;
    u32 wanted = 0;
    for (const u32 control : {secondary::descriptor_table, secondary::rdtscp, secondary::wbinvd,
                              secondary::pause_loop, secondary::rdrand, secondary::invpcid, secondary::rdseed,
                              secondary::xsaves, secondary::tsc_scaling, secondary::vmcs_shadowing})
        if (chance.one_in(6)) wanted |= control;
    for (const u32 control :
         {secondary::vm_functions, secondary::page_log, secondary::virtualization_exceptions})
        if (chance.one_in(5) && c.with_ept) wanted |= control;
    if (chance.one_in(4))
        wanted |= tpr_shadow && chance.one_in(3) ? secondary::x2apic : secondary::apic_accesses;
    if (chance.one_in(4) && tpr_shadow) wanted |= secondary::apic_registers;
    if (chance.one_in(4) && tpr_shadow && interrupts_exit) wanted |= secondary::virtual_interrupts;
    wanted &= static_cast<u32>(processor.secondary_allowed);
    return wanted | (c.with_ept ? secondary::ept : 0) | (c.with_vpid ? secondary::vpid : 0) |
           (c.unrestricted ? secondary::unrestricted_guest : 0);
}

void set_features(Image& fields, Chance& chance) {
    fields[Slot::vm_function_controls] = 1;  // EPTP switching
    fields[Slot::eptp_list_address] = arena.eptp_list.address();
    fields[Slot::vmread_bitmap] = fields[Slot::vmwrite_bitmap] = arena.ones.address();
    fields[Slot::pml_address] = arena.page_log.address();
    fields[Slot::pml_index] = page_size / sizeof(u64) - 1;
    fields[Slot::ve_information_address] = arena.ve_information.address();
    fields[Slot::tsc_multiplier] = chance.next() | 1;
}

void set_controls(Case& c, Chance& chance) {
    Image& fields = c.fields;
    const u32 pin_wanted =
        pin::preemption_timer | maybe(chance, pin::external_interrupt) | maybe(chance, pin::nmi);
    u32 primary_wanted = primary::hlt;
    for (const u32 control :
         {primary::io_bitmaps, primary::msr_bitmaps, primary::cr3_load, primary::cr3_store, primary::invlpg,
          primary::tsc_offsetting, primary::mov_dr, primary::tpr_shadow})
        primary_wanted |= maybe(chance, control);
    const u32 secondary_wanted = secondary_controls(c, primary_wanted, pin_wanted, chance);
    if (secondary_wanted != 0 || chance.one_in(4)) primary_wanted |= primary::secondary;
    u32 exit_wanted = exit_control::host_64bit | exit_control::save_debug;
    for (const u32 control : {exit_control::acknowledge_interrupt, exit_control::save_pat,
                              exit_control::load_pat, exit_control::save_efer, exit_control::load_efer})
        exit_wanted |= maybe(chance, control);
    u32 entry_wanted = entry_control::load_debug | (is_long(c.mode) ? entry_control::guest_64bit : 0);
    for (const u32 control : {entry_control::load_pat, entry_control::load_efer})
        entry_wanted |= maybe(chance, control);
    fields[Slot::pin_controls] = processor.pin | pin_wanted;
    fields[Slot::primary_controls] = processor.primary | primary_wanted;
    fields[Slot::secondary_controls] = processor.secondary | secondary_wanted;
    fields[Slot::exit_controls] = processor.exit | exit_wanted;
    fields[Slot::entry_controls] = processor.entry | entry_wanted;
    fields[Slot::exception_bitmap] = chance.one_in(4) ? chance.next() & 0xFFFFFFFF : 0xFFFFFFFF;
    fields[Slot::io_bitmap_a] = bitmap(chance);
    fields[Slot::io_bitmap_b] = bitmap(chance);
    fields[Slot::msr_bitmap] = bitmap(chance);
    fields[Slot::eptp] =
        ept_pointer() | (chance.one_in(3) && processor.has_ept_flags ? ept_flags_enabled : 0);
    fields[Slot::vpid] = 1;
    fields[Slot::virtual_apic_address] = arena.virtual_apic.address();
    fields[Slot::apic_access_address] = arena.apic_access.address();
    fields[Slot::entry_msr_load_address] = arena.entry_msrs.address();
    fields[Slot::exit_msr_load_address] = arena.exit_msrs.address();
    fields[Slot::exit_msr_store_address] = arena.stored_msrs.address();
    fields[Slot::entry_instruction_length] = 3;
    fields[Slot::preemption_timer] = watchdog;
    set_features(fields, chance);
    fields[Slot::tsc_offset] = chance.next();
    fields[Slot::cr0_shadow] = chance.next() & 0xFFFFFFFF;
    fields[Slot::cr4_shadow] = chance.next() & 0xFFFFFFFF;
    if (chance.one_in(2)) fields[Slot::cr0_mask] = chance.next();
    if (chance.one_in(2)) fields[Slot::cr4_mask] = chance.next();
}

void set_host(Image& fields) {
    fields[Slot::host_cr0] = read_cr0();
    fields[Slot::host_cr3] = host_root(0);
    fields[Slot::host_cr4] = read_cr4();
    fields[Slot::host_cs_selector] = kernel_code;
    for (const Slot slot : {Slot::host_ss_selector, Slot::host_ds_selector, Slot::host_es_selector})
        fields[slot] = kernel_data;
    fields[Slot::host_tr_selector] = task;
    fields[Slot::host_tr_base] = task_base();
    fields[Slot::host_gdtr_base] = gdt_base();
    fields[Slot::host_idtr_base] = idt_base();
    fields[Slot::host_pat] = pat_reset;
    fields[Slot::host_efer] = efer_lme | efer_lma | efer_nxe;
    fields[Slot::host_rsp] = 0x5150;
    fields[Slot::host_rip] = reinterpret_cast<u64>(&random_stub_1);
}

}  // namespace

void make_base(Case& c, Chance& chance) {
    constexpr Mode modes[] = {Mode::wide, Mode::wide,    Mode::compatibility, Mode::flat32,     Mode::pae,
                              Mode::pae,  Mode::unpaged, Mode::real,          Mode::virtual8086};
    c.mode = chance.pick(modes);
    c.user = !is_16_bit(c.mode) && c.mode != Mode::unpaged && chance.one_in(4);
    c.unrestricted = needs_unrestricted_guest(c.mode) || chance.one_in(3);
    c.with_ept = c.unrestricted || chance.one_in(2);
    c.with_vpid = chance.one_in(2);
    c.resume = chance.one_in(2);
    set_controls(c, chance);
    set_host(c.fields);
    set_segments(c);
    set_registers(c, chance);
    choose_instruction(c, chance);
}

}  // namespace conformance::random
