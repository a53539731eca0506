#include "sweeps/features/apic.hpp"

#include "base/memory.hpp"
#include "vmx/operation.hpp"

namespace conformance::features::apic_pages {
namespace {

constexpr u32 register_stride = 16;
constexpr u32 virtual_mark = 0xA0000000, access_mark = 0xC0000000;

Page virtual_page, access_page, virtual_before, access_before;

u32& word(Page& page, u32 offset) { return at_address<u32>(page.address())[offset / sizeof(u32)]; }

void append_page(Text& text, const char* name, Page& page, Page& before) {
    for (u32 offset = 0; offset < page_size; offset += sizeof(u32)) {
        if (word(page, offset) == word(before, offset)) continue;
        text.append(" ", name, "+", hex(offset), "=", hex(word(page, offset)));
    }
}

}  // namespace

u32& virtual_register(u32 offset) { return word(virtual_page, offset); }

void set_vector(u32 bank, u32 vector) {
    virtual_register(bank + vector / 32 * register_stride) |= 1u << vector % 32;
}

void prepare(Vcpu& vcpu, u32 priority) {
    constexpr u32 first_bank = service, after_banks = 0x280;
    virtual_page.clear();
    access_page.clear();
    for (u32 offset = 0; offset < page_size; offset += register_stride) {
        word(access_page, offset) = access_mark | offset;
        if (offset < first_bank || offset >= after_banks) virtual_register(offset) = virtual_mark | offset;
    }
    virtual_register(task_priority) = priority;
    virtual_register(processor_priority) = 0;
    vmwrite(field::virtual_apic_address, virtual_page.address());
    if (control_is_allowed(vmx_msr::secondary, secondary::apic_accesses))
        vmwrite(field::apic_access_address, access_page.address());
    vcpu.ept.window_entry(0) = access_page.address() | ept_entry::all | ept_entry::write_back;
    vcpu.registers.rdi = linear;
}

void remember() {
    virtual_before = virtual_page;
    access_before = access_page;
}

void append_changes(Text& text) {
    append_page(text, "virtual", virtual_page, virtual_before);
    append_page(text, "accessed", access_page, access_before);
}

void print(const Text& name, Vcpu& vcpu) {
    remember();
    const Answer answer = enter(vcpu);
    Text text = words(answer, with_instruction_information);
    if (answer.exited()) text.append(" rax=", hex(vcpu.registers.rax));
    append_changes(text);
    print_case(topic, name, text);
}

}  // namespace conformance::features::apic_pages
