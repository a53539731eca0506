#include "sweeps/modes/modes.hpp"

#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/interrupts.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {
namespace modes {

extern "C" const ModeForm mode_forms[];
extern "C" const u8 mode_boot_loader[];

namespace {

constexpr Mode every_mode[] = {
    {"real", Width::bits16, Paging::none, false, false, false},
    {"virtual-8086", Width::bits16, Paging::small_pages, true, true, false},
    {"protected-16-unpaged", Width::bits16, Paging::none, true, false, false},
    {"protected-32-unpaged", Width::bits32, Paging::none, true, false, false},
    {"protected-16-small-pages", Width::bits16, Paging::small_pages, true, false, false},
    {"protected-32-small-pages", Width::bits32, Paging::small_pages, true, false, false},
    {"protected-32-large-pages", Width::bits32, Paging::large_pages, true, false, false},
    {"protected-32-pae", Width::bits32, Paging::pae, true, false, false},
    {"compatibility-16", Width::bits16, Paging::four_level, true, false, true},
    {"compatibility-32", Width::bits32, Paging::four_level, true, false, true},
    {"long", Width::bits64, Paging::four_level, true, false, true},
};

constexpr VcpuOptions few_exits = {};
constexpr VcpuOptions many_exits = {.primary = primary::invlpg | primary::rdtsc | primary::cr3_load |
                                               primary::cr3_store | primary::mov_dr | primary::pause,
                                    .secondary = secondary::descriptor_table | secondary::wbinvd};

constexpr u64 dr7_reset = 0x400, dr6_reset = 0xFFFF0FF0;

void reset_what_no_exit_switches() {
    asm volatile("mov %0, %%dr7\n mov %1, %%dr6\n mov %2, %%dr0"
                 :
                 : "r"(dr7_reset), "r"(dr6_reset), "r"(u64{0}));
    write_cr2(0);
}

void append_state(Text& text, const Vcpu& vcpu) {
    text.append(" cr0=", hex(vmread(field::guest_cr0)), " cs=", hex(vmread(field::guest_cs_selector)), ":",
                hex(vmread(field::guest_cs_access)), " rax=", hex(vcpu.registers.rax),
                " rsp=", hex(vmread(field::guest_rsp)), " cr2=", hex(read_cr2()));
    constexpr u64 words_shown = 4;
    u64 shown = 0;
    for (u64 at = data_offset; at < data_offset + 256 && shown < words_shown; at += sizeof(u32)) {
        if (in_segment<u32>(at) == 0) continue;
        text.append(" data+", hex(at - data_offset), "=", hex(in_segment<u32>(at)));
        ++shown;
    }
}

void execute(const Mode& mode, const ModeForm& form, bool with_ept, bool intercepting) {
    const Text name(mode.name, with_ept ? "/ept" : "/no-ept", intercepting ? "/intercepting/" : "/free/",
                    form.name);
    const VcpuOptions& options = intercepting ? many_exits : few_exits;
    if (!is_offered(mode, with_ept)) return print_absent(topic, name);
    reset_what_no_exit_switches();
    Vcpu& vcpu = start(mode, form, with_ept, options);
    if (intercepting) {
        vmwrite(field::cr0_mask, ~u64{0});
        vmwrite(field::cr4_mask, ~u64{0});
        vmwrite(field::cr0_shadow, vmread(field::guest_cr0));
        vmwrite(field::cr4_shadow, vmread(field::guest_cr4));
        for (const u16 port : {diagnostic_port, quiet_port}) vcpu.intercept_port(port);
    }
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_instruction_information | with_pending_debug);
    if (answer.exited() && !answer.entry_failed()) append_state(text, vcpu);
    print_case(topic, name, text);
    reset_what_no_exit_switches();
}

void append_mode(Text& text, const Vcpu& vcpu) {
    text.append(" rax=", hex(vcpu.registers.rax), " cr0=", hex(vmread(field::guest_cr0)),
                " cr3=", hex(vmread(field::guest_cr3)), " cr4=", hex(vmread(field::guest_cr4)),
                " efer=", hex(vmread(field::guest_efer)), " entry=", hex(vmread(field::entry_controls)),
                " cs=", hex(vmread(field::guest_cs_selector)), ":", hex(vmread(field::guest_cs_base)), ":",
                hex(vmread(field::guest_cs_limit)), ":", hex(vmread(field::guest_cs_access)),
                " ss=", hex(vmread(field::guest_ss_selector)), ":", hex(vmread(field::guest_ss_access)));
    constexpr u64 cr4_pae = bit(5), cr0_pg = bit(31), lma = bit(10);
    const bool pae = (vmread(field::guest_cr4) & cr4_pae) != 0 && (vmread(field::guest_cr0) & cr0_pg) != 0 &&
                     (vmread(field::guest_efer) & lma) == 0;
    if (pae)
        for (const Field each :
             {field::guest_pdpte_0, field::guest_pdpte_1, field::guest_pdpte_2, field::guest_pdpte_3})
            text.append(" pdpte=", hex(vmread(each)));
}

}  // namespace

void sweep_every_mode() {
    for (const Mode& mode : every_mode)
        for (const bool with_ept : {true, false})
            for (const ModeForm* form = mode_forms; form->name != nullptr; ++form)
                for (const bool intercepting : {true, false}) execute(mode, *form, with_ept, intercepting);
}

void sweep_boot_loader() {
    constexpr u32 steps = 14;
    const Mode& real = every_mode[0];
    if (!is_offered(real, true)) {
        for (u32 step = 0; step < steps; ++step) print_absent(topic, Text("boot-loader/", step));
        return;
    }
    const ModeForm loader = {"", address_of(mode_boot_loader), 0, 0};
    Vcpu& vcpu = start(real, loader, true, {.exit = exit_control::save_efer});
    const PagingRoots roots = build_tables(true);
    in_segment<u16>(data_offset) = static_cast<u16>(gdt_limit);
    in_segment<u32>(data_offset + 2) = static_cast<u32>(segment_base() + gdt_offset);
    in_segment<u32>(data_offset + 8) = static_cast<u32>(roots.large_pages);
    in_segment<u32>(data_offset + 12) = static_cast<u32>(roots.pae);
    in_segment<u32>(data_offset + 16) = static_cast<u32>(roots.four_level);
    for (u32 step = 0; step < steps; ++step) {
        const Answer answer = enter(vcpu);
        Text text = words(answer);
        append_mode(text, vcpu);
        print_case(topic, Text("boot-loader/", step), text);
        if (answer.exited() && answer.exit.reason == reason::vmcall) vcpu.skip_instruction();
    }
}

}  // namespace modes

void sweep_modes() {
    modes::sweep_every_mode();
    modes::sweep_boot_loader();
    modes::sweep_pdptes();
}

}  // namespace conformance
