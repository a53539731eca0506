// A VMCS for an L2 in a mode of choice.
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/modes/modes.hpp"
#include "vmx/operation.hpp"

namespace conformance::modes {
namespace {

constexpr u64 cr0_pe = bit(0), cr0_et = bit(4), cr0_pg = bit(31);
constexpr u64 cr4_pse = bit(4), cr4_pae = bit(5);
constexpr u64 rflags_vm = bit(17), rflags_iopl3 = 3 << 12;
constexpr u64 efer_lme = bit(8), efer_lma = bit(10);
constexpr u64 entries = 512;
constexpr u64 loaded_value = 0x12345678;  // no control register takes it without a fault or another mode

// Access rights (SDM 3C table 25-2).
constexpr u32 code_real = 0x9B, data_real = 0x93, any_8086 = 0xF3, code16 = 0x9B, code32 = 0xC09B,
              code64 = 0xA09B, data32 = 0xC093, busy_task = 0x8B, unusable = 0x10000;
constexpr u32 real_limit = 0xFFFF, flat_limit = 0xFFFFFFFF;

struct SegmentFields {
    Field selector, base, limit, access;
};

constexpr SegmentFields cs = {field::guest_cs_selector, field::guest_cs_base, field::guest_cs_limit,
                              field::guest_cs_access};
constexpr SegmentFields data_segments[] = {
    {field::guest_ss_selector, field::guest_ss_base, field::guest_ss_limit, field::guest_ss_access},
    {field::guest_ds_selector, field::guest_ds_base, field::guest_ds_limit, field::guest_ds_access},
    {field::guest_es_selector, field::guest_es_base, field::guest_es_limit, field::guest_es_access},
    {field::guest_fs_selector, field::guest_fs_base, field::guest_fs_limit, field::guest_fs_access},
    {field::guest_gs_selector, field::guest_gs_base, field::guest_gs_limit, field::guest_gs_access}};
constexpr SegmentFields tr = {field::guest_tr_selector, field::guest_tr_base, field::guest_tr_limit,
                              field::guest_tr_access};

void write_segment(const SegmentFields& fields, u64 selector, u64 base, u32 limit, u32 access) {
    vmwrite(fields.selector, selector);
    vmwrite(fields.base, base);
    vmwrite(fields.limit, limit);
    vmwrite(fields.access, access);
}

void write_segments(const Mode& mode) {
    constexpr u64 code32_selector = 0x08, data_selector = 0x10, code16_selector = 0x18,
                  code64_selector = 0x28;
    if (mode.has_real_segments()) {
        write_segment(cs, real_selector, real_base, real_limit, mode.virtual_8086 ? any_8086 : code_real);
        for (const SegmentFields& each : data_segments)
            write_segment(each, real_selector, real_base, real_limit,
                          mode.virtual_8086 ? any_8086 : data_real);
    } else {
        switch (mode.width) {
            case Width::bits16: write_segment(cs, code16_selector, segment_base(), real_limit, code16); break;
            case Width::bits32: write_segment(cs, code32_selector, 0, flat_limit, code32); break;
            case Width::bits64: write_segment(cs, code64_selector, 0, flat_limit, code64); break;
        }
        for (const SegmentFields& each : data_segments)
            write_segment(each, data_selector, 0, flat_limit, data32);
    }
    write_segment(tr, task_selector, segment_base() + task_offset, task_limit, busy_task);
    vmwrite(field::guest_ldtr_access, unusable);
    vmwrite(field::guest_gdtr_base, segment_base() + gdt_offset);
    vmwrite(field::guest_gdtr_limit, gdt_limit);
    // Real mode finds its vectors by their linear address, which EPT leads to the segment.
    vmwrite(field::guest_idtr_base, (mode.protected_mode ? segment_base() : real_base) + idt_offset);
    vmwrite(field::guest_idtr_limit, mode.protected_mode ? idt_limit : real_idt_limit);
}

u64 root_of(const Mode& mode, const PagingRoots& roots) {
    switch (mode.paging) {
        case Paging::none: return 0;
        case Paging::small_pages: return roots.small_pages;
        case Paging::large_pages: return roots.large_pages;
        case Paging::pae: return roots.pae;
        case Paging::four_level: return roots.four_level;
    }
    return 0;
}

void write_control_registers(const Mode& mode, u64 root) {
    const u64 cr0_fixed = rdmsr(vmx_msr::cr0_fixed0) & ~(mode.is_unrestricted() ? cr0_pe | cr0_pg : 0);
    const bool paging = mode.paging != Paging::none;
    vmwrite(field::guest_cr0,
            cr0_fixed | cr0_et | (mode.protected_mode ? cr0_pe : 0) | (paging ? cr0_pg : 0));
    u64 cr4 = rdmsr(vmx_msr::cr4_fixed0);
    if (mode.paging == Paging::large_pages) cr4 |= cr4_pse;
    if (mode.paging == Paging::pae || mode.paging == Paging::four_level) cr4 |= cr4_pae;
    vmwrite(field::guest_cr4, cr4);
    vmwrite(field::guest_cr3, root);
    constexpr Field pdptes[] = {field::guest_pdpte_0, field::guest_pdpte_1, field::guest_pdpte_2,
                                field::guest_pdpte_3};
    for (u64 i = 0; i < 4; ++i) vmwrite(pdptes[i], mode.paging == Paging::pae ? pae_pointer(root, i) : 0);
}

void write_efer(const Mode& mode) {
    const u64 controls = vmread(field::entry_controls) & ~u64{entry_control::guest_64bit};
    vmwrite(field::entry_controls, controls | (mode.long_mode ? entry_control::guest_64bit : 0));
    vmwrite(field::guest_efer, mode.long_mode ? efer_lme | efer_lma : 0);
}

// EPT shows the segment at the addresses of real mode, and no page at one of them.
void show_segment_low(Vcpu& vcpu) {
    alignas(page_size) static u64 low_table[entries];
    constexpr u64 mapped = ept_entry::all | ept_entry::write_back;
    for (u64 i = 0; i < entries; ++i) low_table[i] = i * page_size | mapped;
    for (u64 offset = 0; offset < segment_size; offset += page_size)
        low_table[(real_base + offset) / page_size] = (segment_base() + offset) | mapped;
    low_table[0] = page_of_halts() | mapped;
    low_table[(real_base + real_absent_offset) / page_size] = 0;
    const auto table_behind = [](u64 entry) { return at_address<u64>(entry & 0xFFFFFFFFF000); };
    u64* const directory = table_behind(table_behind(table_behind(vcpu.ept.pointer())[0])[0]);
    directory[0] = address_of(low_table) | ept_entry::all;
    invalidate_ept(vcpu.ept.pointer());
}

void write_registers(Vcpu& vcpu, const Mode& mode) {
    const bool real = mode.has_real_segments();
    vcpu.registers = {};
    vcpu.registers.rax = loaded_value;
    vcpu.registers.rbx = real ? data_offset : segment_base() + data_offset;
    vcpu.registers.rdi = vcpu.registers.rbx;
    vcpu.registers.rsi = real ? real_absent_offset : absent_page;
    vcpu.registers.rcx = 4;
    vcpu.registers.rdx = quiet_port;
    vmwrite(field::guest_rsp, real ? stack_offset : segment_base() + stack_offset);
    vmwrite(field::guest_rflags, rflags_reserved1 | (mode.virtual_8086 ? rflags_vm | rflags_iopl3 : 0));
}

u64 instruction_pointer(const Mode& mode, const ModeForm& form) {
    const u64 at = mode.width == Width::bits16   ? form.code16
                   : mode.width == Width::bits32 ? form.code32
                                                 : form.code64;
    return mode.width == Width::bits16 ? at - segment_base() : at;
}

}  // namespace

bool is_offered(const Mode& mode, bool with_ept) {
    if (!mode.is_unrestricted()) return true;
    return with_ept && control_is_allowed(vmx_msr::secondary, secondary::unrestricted_guest);
}

Vcpu& start(const Mode& mode, const ModeForm& form, bool with_ept, const VcpuOptions& options) {
    VcpuOptions wanted = options;
    wanted.with_ept = with_ept;
    wanted.entry |= entry_control::load_efer;
    wanted.exit |= exit_control::load_efer;
    if (mode.is_unrestricted()) wanted.secondary |= secondary::unrestricted_guest;
    Vcpu& vcpu = fresh(&l2_finish, wanted);
    vmwrite(field::host_efer, rdmsr(msr_efer));
    build_descriptors(mode);
    write_segments(mode);
    write_control_registers(mode, root_of(mode, build_tables(with_ept)));
    write_efer(mode);
    if (with_ept) show_segment_low(vcpu);
    write_registers(vcpu, mode);
    vmwrite(field::guest_rip, instruction_pointer(mode, form));
    for (u64 i = 0; i < page_size; ++i) in_segment<u8>(data_offset + i) = 0;
    return vcpu;
}

}  // namespace conformance::modes
