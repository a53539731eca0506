// Virtual-interrupt delivery: evaluation at the entry and by what L2 does to its APIC, delivery, and the
// exits that an end of interrupt may cause (SDM 3C 30.2).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "sweeps/features/apic.hpp"

namespace conformance::features {

extern "C" const Form forms_open_interrupts[];

namespace {

constexpr VcpuOptions delivering = {
    .pin = pin::external_interrupt,
    .primary = primary::tpr_shadow,
    .secondary = secondary::apic_accesses | secondary::apic_registers | secondary::virtual_interrupts};

struct Situation {
    const char* name;
    u32 requesting, in_service;  // vectors; 0 for none
    u32 priority;                // of the task
    bool interrupts_on;
    u32 blocking = 0;
    u32 self_interrupt = 0x61;
    bool exits_at_end = false;  // the EOI-exit bitmap has the vector in service
    u32 extra_primary = 0;
    u32 second_requesting = 0;
};

constexpr u32 by_sti = 1, by_mov_ss = 2, by_nmi = 8;

constexpr Situation situations[] = {
    {"idle", 0, 0, 0, false},
    {"pending-closed", 0x51, 0, 0, false},
    {"pending-open", 0x51, 0, 0, true},
    {"two-pending-open", 0x51, 0, 0, true, 0, 0x61, false, 0, 0x42},
    {"pending-open-after-sti", 0x51, 0, 0, true, by_sti},
    {"pending-open-after-mov-ss", 0x51, 0, 0, true, by_mov_ss},
    {"pending-open-in-nmi", 0x51, 0, 0, true, by_nmi},
    {"pending-below-task-priority", 0x51, 0, 0x50, true},
    {"pending-above-task-priority", 0x51, 0, 0x40, true},
    {"pending-below-service", 0x51, 0x5F, 0, true},
    {"pending-above-service", 0x51, 0x4F, 0, true},
    {"in-service", 0, 0x71, 0, false},
    {"in-service-exits", 0, 0x71, 0, false, 0, 0x61, true},
    {"in-service-pending-exits", 0x51, 0x71, 0, true, 0, 0x61, true},
    {"in-service-above-pending-closed", 0x51, 0x71, 0, false},
    {"self-of-low-vector", 0, 0, 0, true, 0, 0x0F},
    {"self-of-vector-16", 0, 0, 0, true, 0, 0x10},
    {"self-edge-asserted", 0, 0, 0, true, 0, 0x4061},
    {"self-shorthand", 0, 0, 0, true, 0, 0x40061},
    {"self-shorthand-asserted", 0, 0, 0, true, 0, 0x44061},
    {"self-shorthand-level", 0, 0, 0, true, 0, 0x4C061},
    {"self-shorthand-nmi", 0, 0, 0, true, 0, 0x40461},
    {"self-shorthand-low-vector", 0, 0, 0, true, 0, 0x4000F},
    {"self-shorthand-closed", 0, 0, 0, false, 0, 0x40061},
    {"window-asked-pending-open", 0x51, 0, 0, true, 0, 0x61, false, primary::interrupt_window},
};

void write_status(const Situation& s) {
    const u32 highest = s.requesting > s.second_requesting ? s.requesting : s.second_requesting;
    if (s.requesting != 0) apic_pages::set_vector(apic_pages::request, s.requesting);
    if (s.second_requesting != 0) apic_pages::set_vector(apic_pages::request, s.second_requesting);
    if (s.in_service != 0) apic_pages::set_vector(apic_pages::service, s.in_service);
    vmwrite(field::guest_interrupt_status, highest | s.in_service << 8);
    constexpr Field exits[] = {field::eoi_exit_bitmap_0, field::eoi_exit_bitmap_1, field::eoi_exit_bitmap_2,
                               field::eoi_exit_bitmap_3};
    for (const Field part : exits) vmwrite(part, 0);
    if (s.exits_at_end) vmwrite(exits[s.in_service / 64], bit(s.in_service % 64));
}

void append_delivery(Text& text) {
    const volatile l2::Delivery& delivery = l2::delivery();
    text.append(" status=", hex(vmread(field::guest_interrupt_status)), " delivered=", u64{delivery.count});
    if (delivery.count != 0)
        text.append(" vector=", hex(u64{delivery.vector}), " at=", hex(u64{delivery.rip}));
}

void enter_situation(const Situation& s, const Form& form) {
    const Text name("virtual-interrupt/", s.name, "/", form.name);
    VcpuOptions options = delivering;
    options.primary |= s.extra_primary;
    if (!is_offered(options)) return print_absent(topic, name);
    Vcpu& vcpu = fresh(form.code, options);
    apic_pages::prepare(vcpu, s.priority);
    write_status(s);
    vmwrite(field::guest_rflags, rflags_reserved1 | (s.interrupts_on ? rflags_if : 0));
    vmwrite(field::guest_interruptibility, s.blocking);
    vcpu.registers.rsi = s.self_interrupt;
    l2::delivery().count = 0;
    apic_pages::remember();
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited()) append_delivery(text);
    apic_pages::append_changes(text);
    print_case(topic, name, text);
}

// The delivery of a virtual interrupt meets a page that L1 has yet to map. Which vector it was is in SVI: the
// IDT-vectoring information, which should say it too, has vector 0 on Bochs 2.7, so it is neither printed nor
// used.
void fault_in_delivery() {
    const Text name("virtual-interrupt/fault-in-delivery"),
        again("virtual-interrupt/fault-in-delivery/again");
    if (!is_offered(delivering)) {
        print_absent(topic, name);
        return print_absent(topic, again);
    }
    static Page idt;
    for (u64 i = 0; i < page_size; ++i) idt.bytes[i] = at_address<const u8>(l2::idt_base())[i];
    Vcpu& vcpu = fresh(forms_open_interrupts[1].code, delivering);
    apic_pages::prepare(vcpu, 0);
    write_status({"", 0x51, 0, 0, true});
    vmwrite(field::guest_rflags, rflags_reserved1 | rflags_if);
    vmwrite(field::guest_idtr_base, Ept::window + page_size);
    l2::delivery().count = 0;
    const Answer first = enter(vcpu);
    const u64 valid = vmread(field::idt_vectoring_information) & interruption::valid;
    Text text("exit=", first.exit.reason, " physical=", hex(first.exit.guest_physical),
              " vectoring-valid=", valid >> 31);
    append_delivery(text);
    print_case(topic, name, text);
    vcpu.ept.window_entry(1) = idt.address() | ept_entry::all | ept_entry::write_back;
    invalidate_ept(vcpu.ept.pointer());
    const u64 in_service = vmread(field::guest_interrupt_status) >> 8;
    vmwrite(field::entry_interruption_information, interruption::valid | interruption::external | in_service);
    const Answer second = enter(vcpu);
    Text after = words(second);
    append_delivery(after);
    print_case(topic, again, after);
}

}  // namespace

void sweep_virtual_interrupts() {
    for (const Situation& situation : situations)
        for (const Form* form = forms_open_interrupts; form->name != nullptr; ++form)
            enter_situation(situation, *form);
    fault_in_delivery();
}

}  // namespace conformance::features
