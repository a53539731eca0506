// Which fields and words are changed, how, and how often.
#include "console/console.hpp"
#include "random/arena.hpp"
#include "random/case.hpp"
#include "random/host.hpp"
#include "random/processor.hpp"
#include "random/values.hpp"

namespace conformance::random {
namespace {

constexpr Slot no_slot = Slot::posted_interrupt_vector;  // one of those that no case uses

struct Row {
    Slot slot;
    Values values;
    u32 weight = 1;
    const char* word_name = nullptr;
    u64* (*word)() = nullptr;
    bool in_ept = false;
};

// The word of a row, which is found when the row is drawn.
#define RANDOM_WORD(expression) (+[]() -> u64* { return &(expression); })

constexpr Row field_row(Slot slot, Values values, u32 weight = 1) { return {slot, values, weight}; }
constexpr Row word_row(const char* name, u64* (*word)(), Values values, u32 weight = 1) {
    return {no_slot, values, weight, name, word, false};
}
constexpr Row ept_row(const char* name, u64* (*word)(), Values values, u32 weight = 1) {
    return {no_slot, values, weight, name, word, true};
}

// Kept out: IA32_PERF_GLOBAL_CTRL, which the processor model offers without having the MSR, so that Kurma
// does not offer it; and system-management mode, which the model does not have.
constexpr u64 exit_kept_out = bit(12);
constexpr u64 entry_kept_out = bit(10) | bit(11) | bit(13);

// Controls that this generation knows: most of the flips are among these, the others hit reserved bits.
constexpr u64 pin_known = bit(0) | bit(3) | bit(5) | bit(6);
constexpr u64 primary_known = 0xF3F99E8C;
constexpr u64 secondary_known = 0x0217FFFF;
constexpr u64 exit_known = bit(2) | bit(9) | bit(15) | bit(18) | bit(19) | bit(20) | bit(21) | bit(22);
constexpr u64 entry_known = bit(2) | bit(9) | bit(14) | bit(15);

template <u64 known, u64 kept_out>
u64 control(u64 was, Chance& chance) {
    return was ^ chance.bit_of(chance.one_in(8) ? low_half & ~kept_out : known);
}

constexpr Row control_rows[] = {
    field_row(Slot::pin_controls, control<pin_known, 0>, 3),
    field_row(Slot::primary_controls, control<primary_known, 0>, 6),
    field_row(Slot::secondary_controls, control<secondary_known, 0>, 6),
    field_row(Slot::exit_controls, control<exit_known, exit_kept_out>, 3),
    field_row(Slot::entry_controls, control<entry_known, entry_kept_out>, 3),
    field_row(Slot::exception_bitmap, flip<low_half>, 2),
    field_row(Slot::page_fault_mask, any),
    field_row(Slot::page_fault_match, flip<0x1F>),
    field_row(Slot::cr3_target_count, one_of<1, 3, 4, 5, 255, 256, low_half>),
    field_row(Slot::tpr_threshold, one_of<0, 0, 1, 15, 16, 0x80000000>),
    field_row(Slot::vpid, one_of<0, 0, 1, 0xFFFF>),
    field_row(Slot::preemption_timer, one_of<0>),
    field_row(Slot::tsc_offset, any),
    field_row(Slot::cr0_mask, any),
    field_row(Slot::cr4_mask, any),
    field_row(Slot::cr0_shadow, any),
    field_row(Slot::cr4_shadow, any),
    field_row(Slot::cr3_target_0, guest_cr3),
    field_row(Slot::cr3_target_count, one_of<0, 1, 2, 3, 4>),
    field_row(Slot::io_bitmap_a, page_read),
    field_row(Slot::io_bitmap_b, page_read),
    field_row(Slot::msr_bitmap, page_read),
    field_row(Slot::virtual_apic_address, virtual_apic_page, 2),
    field_row(Slot::apic_access_address, apic_access_page),
    field_row(Slot::eptp, eptp, 3),
    field_row(Slot::ple_gap, any),
    field_row(Slot::ple_window, any),
    field_row(Slot::executive_vmcs, any),
};

constexpr Row feature_rows[] = {
    field_row(Slot::guest_interrupt_status, one_of<0x40, 0x4040, 0x4000, 0x4050, 0xFF, 0x0F>, 2),
    field_row(Slot::eoi_exit_bitmap_0, any),
    field_row(Slot::eoi_exit_bitmap_1, any),
    field_row(Slot::vm_function_controls, one_of<0, 2, 3, 0x8000000000000001>),
    field_row(Slot::eptp_list_address, page_read),
    field_row(Slot::vmread_bitmap, page_read),
    field_row(Slot::vmwrite_bitmap, page_read),
    field_row(Slot::pml_address, page_written),
    field_row(Slot::pml_index, one_of<0, 1, 511, 512, 0xFFFF>, 2),
    field_row(Slot::ve_information_address, page_written),
    field_row(Slot::eptp_index, any),
    field_row(Slot::xss_exiting_bitmap, any),
    field_row(Slot::tsc_multiplier, one_of<0, 1, 0x8000000000000000>),
    word_row("virtual-tpr", RANDOM_WORD(arena.virtual_apic.entry[task_priority_word]),
             one_of<0x10, 0xF0, 0x100>, 2),
    word_row("ve-information", RANDOM_WORD(arena.ve_information.entry[0]),
             one_of<0xFFFFFFFF00000000, 0x100000000, 1>),
    word_row("eptp-list.1", RANDOM_WORD(arena.eptp_list.entry[1]), eptp),
};

constexpr Row event_rows[] = {
    field_row(Slot::entry_interruption_information, event, 6),
    field_row(Slot::entry_exception_error_code, one_of<1, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x80000000>),
    field_row(Slot::entry_instruction_length, one_of<0, 1, 2, 15, 16, 0x80000001>),
    field_row(Slot::guest_interruptibility, one_of<1, 2, 3, 4, 8, 9, 0xA, 0x10, 0x20, 0x80000000>, 3),
    field_row(Slot::guest_activity, one_of<1, 1, 2, 3, 4, 5, 0x80000000>, 2),
    field_row(Slot::guest_pending_debug, flip<0x1F00F | bit(4) | bit(63)>, 2),
};

#define RANDOM_SEGMENT_ROWS(name)                                                                           \
    field_row(Slot::guest_##name##_selector, selector), field_row(Slot::guest_##name##_base, segment_base), \
        field_row(Slot::guest_##name##_limit, limit),                                                       \
        field_row(Slot::guest_##name##_access, access_rights, 3)

constexpr Row segment_rows[] = {
    RANDOM_SEGMENT_ROWS(cs),
    RANDOM_SEGMENT_ROWS(ss),
    RANDOM_SEGMENT_ROWS(ds),
    RANDOM_SEGMENT_ROWS(es),
    RANDOM_SEGMENT_ROWS(fs),
    RANDOM_SEGMENT_ROWS(gs),
    RANDOM_SEGMENT_ROWS(tr),
    RANDOM_SEGMENT_ROWS(ldtr),
    field_row(Slot::guest_ldtr_access, one_of<0x82, 0x82, 0x8082, 0x92, 0x02>),
    field_row(Slot::guest_gdtr_base, canonical),
    field_row(Slot::guest_gdtr_limit, limit),
    field_row(Slot::guest_idtr_base, canonical),
    field_row(Slot::guest_idtr_limit, limit),
};

constexpr Row register_rows[] = {
    field_row(Slot::guest_cr0, guest_cr0, 3),
    field_row(Slot::guest_cr4, guest_cr4, 3),
    field_row(Slot::guest_cr3, guest_cr3, 2),
    field_row(Slot::guest_dr7, flip<all_bits>),
    field_row(Slot::guest_dr7, flip<0xFFFF>),
    field_row(Slot::guest_rip, guest_rip, 2),
    field_row(Slot::guest_rsp, guest_rsp),
    field_row(Slot::guest_rflags, guest_rflags, 3),
    field_row(Slot::guest_debugctl, flip<0xFFFF>),
    field_row(Slot::guest_debugctl, flip<all_bits>),
    field_row(Slot::guest_efer, efer, 2),
    field_row(Slot::guest_pat, pat, 2),
    field_row(Slot::guest_sysenter_cs, any),
    field_row(Slot::guest_sysenter_esp, canonical),
    field_row(Slot::guest_sysenter_eip, canonical),
    field_row(Slot::vmcs_link_pointer, link_pointer, 3),
    field_row(Slot::guest_smbase, any),
    field_row(Slot::guest_pdpte_0, pdpte),
    field_row(Slot::guest_pdpte_1, pdpte),
    field_row(Slot::guest_pdpte_2, pdpte),
    field_row(Slot::guest_pdpte_3, pdpte),
};

constexpr Row host_rows[] = {
    field_row(Slot::host_cr0, host_cr0, 2),
    field_row(Slot::host_cr3, host_cr3, 2),
    field_row(Slot::host_cr4, host_cr4, 2),
    field_row(Slot::host_cs_selector, host_selector),
    field_row(Slot::host_ss_selector, host_selector),
    field_row(Slot::host_ds_selector, host_selector),
    field_row(Slot::host_es_selector, host_selector),
    field_row(Slot::host_fs_selector, host_selector),
    field_row(Slot::host_gs_selector, host_selector),
    field_row(Slot::host_tr_selector, host_selector),
    field_row(Slot::host_fs_base, canonical),
    field_row(Slot::host_gs_base, canonical),
    field_row(Slot::host_tr_base, canonical),
    field_row(Slot::host_gdtr_base, canonical),
    field_row(Slot::host_idtr_base, canonical),
    field_row(Slot::host_sysenter_cs, one_of<8, 0x10, 0xFFFF>),  // Bochs 2.7 keeps 16 bits of it at an exit
    field_row(Slot::host_sysenter_esp, canonical),
    field_row(Slot::host_sysenter_eip, canonical),
    field_row(Slot::host_rsp, canonical),
    field_row(Slot::host_rip, host_rip, 2),
    field_row(Slot::host_pat, pat, 2),
    field_row(Slot::host_efer, efer, 2),
};

// Lists of MSRs: an entry is a word with the number and one with the value (SDM 3C 25.7.2).
constexpr Row msr_rows[] = {
    field_row(Slot::entry_msr_load_count, one_of<1, 2, 3, 4, 5, 6, 7, 8, 9>, 8),
    field_row(Slot::entry_msr_load_address, msr_area, 4),
    word_row(
        "entry-msr.0.number", RANDOM_WORD(arena.entry_msrs.entry[0]),
        one_of<0xC0000080, 0xC0000100, 0xC0000101, 0x808, 0x12345678, 0x1000000C0000102, 0x277, 0xC0000081>),
    word_row("entry-msr.0.value", RANDOM_WORD(arena.entry_msrs.entry[1]), canonical),
    word_row("entry-msr.1.number", RANDOM_WORD(arena.entry_msrs.entry[2]),
             one_of<0x174, 0x175, 0x176, 0x79, 0x9B, 0x9E, 0x1D9>),
    word_row("entry-msr.1.value", RANDOM_WORD(arena.entry_msrs.entry[3]), any),
    field_row(Slot::exit_msr_load_count, one_of<1, 2, 3>, 2),
    field_row(Slot::exit_msr_load_address, bad_msr_area),
    field_row(Slot::exit_msr_store_count, one_of<1, 2, 3, 4>, 2),
    field_row(Slot::exit_msr_store_address, bad_msr_area),
};

constexpr Row memory_rows[] = {
    word_row("pml4e", RANDOM_WORD(arena.pml4.entry[0]), table_entry),
    word_row("pdpte", RANDOM_WORD(arena.pdpt.entry[0]), table_entry),
    word_row("pde", RANDOM_WORD(arena.directory.entry[0]), table_entry),
    word_row("pte.code", RANDOM_WORD(arena.pages.entry[at::code / page_size]), table_entry, 2),
    word_row("pte.stack", RANDOM_WORD(arena.pages.entry[at::stack / page_size]), table_entry),
    word_row("pte.idt64", RANDOM_WORD(arena.pages.entry[at::idt64 / page_size]), table_entry),
    word_row("pae-pdpte.0", RANDOM_WORD(arena.pae_pdpt.entry[0]), pdpte, 2),
    word_row("pae-pdpte.3", RANDOM_WORD(arena.pae_pdpt.entry[3]), pdpte),
    word_row("pde32", RANDOM_WORD(arena.directory32.entry[0]), flip<0xF7F>),
    word_row("pte32.code", RANDOM_WORD(arena.pages32.entry[at::code / page_size / 2]), flip<0xFFF>),
    ept_row("ept-pml4e", RANDOM_WORD(arena.ept_top.entry[0]), ept_node, 2),
    ept_row("ept-pdpte", RANDOM_WORD(arena.ept_pdpt.entry[0]), ept_node, 2),
    ept_row("ept-pde", RANDOM_WORD(arena.ept_directory.entry[0]), ept_node, 2),
    ept_row("ept-pte.code", RANDOM_WORD(arena.ept_pages[0].entry[at::code / page_size]), ept_leaf, 3),
    ept_row("ept-pte.stack", RANDOM_WORD(arena.ept_pages[0].entry[at::stack / page_size]), ept_leaf),
    ept_row("ept-pte.idt", RANDOM_WORD(arena.ept_pages[0].entry[at::vectors / page_size]), ept_leaf),
    ept_row("ept-pte.own-code", RANDOM_WORD(ept_leaf_of(arena.code.address())), ept_leaf, 3),
    ept_row("ept-pte.own-handlers", RANDOM_WORD(ept_leaf_of(arena.handlers.address())), ept_leaf),
    ept_row("ept-pte.own-stack", RANDOM_WORD(ept_leaf_of(arena.stack.address())), ept_leaf),
    ept_row("ept-pte.own-ring0-stack", RANDOM_WORD(ept_leaf_of(arena.ring0_stack.address())), ept_leaf),
    ept_row("ept-pte.own-data", RANDOM_WORD(ept_leaf_of(arena.data.address())), ept_leaf, 2),
    ept_row("ept-pte.own-gdt", RANDOM_WORD(ept_leaf_of(arena.gdt.address())), ept_leaf),
    ept_row("ept-pte.own-idt64", RANDOM_WORD(ept_leaf_of(arena.idt64.address())), ept_leaf),
    ept_row("ept-pte.own-idt32", RANDOM_WORD(ept_leaf_of(arena.idt32.address())), ept_leaf),
    ept_row("ept-pte.own-pml4", RANDOM_WORD(ept_leaf_of(arena.pml4.address())), ept_leaf),
    ept_row("ept-pte.own-directory", RANDOM_WORD(ept_leaf_of(arena.directory.address())), ept_leaf),
    ept_row("ept-pte.own-pages", RANDOM_WORD(ept_leaf_of(arena.pages.address())), ept_leaf, 2),
    ept_row("ept-pte.own-pages32", RANDOM_WORD(ept_leaf_of(arena.pages32.address())), ept_leaf),
    word_row("pte.data", RANDOM_WORD(arena.pages.entry[at::data / page_size]), table_entry),
    word_row("link-revision", RANDOM_WORD(arena.link.entry[0]), flip<low_half>, 2),
};

struct Group {
    const Row* rows;
    usize count;
    u32 weight;
};
template <usize count>
constexpr Group group(const Row (&rows)[count], u32 weight) {
    return {rows, count, weight};
}
constexpr Group groups[] = {
    group(control_rows, 4), group(event_rows, 4), group(segment_rows, 5), group(register_rows, 5),
    group(host_rows, 4),    group(msr_rows, 2),   group(memory_rows, 4),  group(feature_rows, 3),
};

const Row& choose(Chance& chance) {
    u64 total = 0;
    for (const Group& g : groups) total += g.weight;
    u64 left = chance.below(total);
    const Group* chosen = groups;
    for (; left >= chosen->weight; ++chosen) left -= chosen->weight;
    total = 0;
    for (usize i = 0; i < chosen->count; ++i) total += chosen->rows[i].weight;
    left = chance.below(total);
    const Row* row = chosen->rows;
    for (; left >= row->weight; ++row) left -= row->weight;
    return *row;
}

void apply(Case& c, const Row& row, Chance& chance, u64 mutation, bool tell) {
    const bool in_memory = row.word != nullptr;
    if (!in_memory && !exists(row.slot, processor.secondary_allowed)) return;
    u64& place = in_memory ? *row.word() : c.fields[row.slot];
    const u64 was = place;
    u64 value = row.values(was, chance);
    if (in_memory) {
        c.changes[c.change_count++] = {row.word_name, &place, was, value, row.in_ept};
    } else {
        value &= field_of(row.slot).mask();
    }
    place = value;
    if (tell)
        print("random ", c.index, ": mutation ", mutation, " ", in_memory ? row.word_name : name_of(row.slot),
              "=", hex(value), " (was ", hex(was), ")\n");
}

}  // namespace

void mutate(Case& c, const Chance& chance, u64 mask, bool tell) {
    Chance counting = chance.child(max_mutations);
    const u64 count = counting.below(max_mutations + 1);
    for (u64 mutation = 0; mutation < count; ++mutation) {
        if ((mask >> mutation & 1) == 0) continue;
        Chance own = chance.child(mutation);
        apply(c, choose(own), own, mutation, tell);
    }
}

}  // namespace conformance::random
