#include "sweeps/checks/check.hpp"

#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "cpu/segments.hpp"
#include "l2/l2.hpp"

namespace conformance::checks {
namespace {

constexpr u32 msr_pat = 0x277;

// An exit may leave NMIs blocked; only an IRET ends that (SDM 3A 6.7.1). No case may inherit it.
void unblock_nmis() {
    asm volatile(
        "mov %%rsp, %%rax\n"
        "pushq %0\n"
        "pushq %%rax\n"
        "pushfq\n"
        "pushq %1\n"
        "pushq $1f\n"
        "iretq\n"
        "1:"
        :
        : "i"(kernel_data), "i"(kernel_code)
        : "rax", "memory", "cc");
}

struct [[gnu::packed]] TablePointer {
    u16 limit;
    u64 base;
};

// What an exit loads from a host-state area that was edited, and the program must not keep.
struct OwnState {
    u64 cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();
    u64 efer = rdmsr(msr_efer), pat = rdmsr(msr_pat), fs = rdmsr(msr_fs_base), gs = rdmsr(msr_gs_base);

    TablePointer idtr = {idt_limit(), idt_base()};

    void restore() const {
        write_cr0(cr0);
        write_cr4(cr4);
        write_cr3(cr3);
        wrmsr(msr_efer, efer);
        wrmsr(msr_pat, pat);
        wrmsr(msr_fs_base, fs);
        wrmsr(msr_gs_base, gs);
        load_segments();
        asm volatile("lidt %0" : : "m"(idtr));
        unblock_nmis();
    }
};

struct Entered {
    Text text;
    bool vmcs_is_as_it_was;  // an entry that failed changes nothing but what tells of it (SDM 3C 27.8)
};

Entered enter_and_describe(Vcpu& vcpu, const Also& also) {
    const OwnState own;
    const u64 event = vmread(field::entry_interruption_information);
    l2::delivery().count = 0;
    const Answer answer = enter(vcpu);
    own.restore();
    Text text = words(answer, also.details);
    const bool failed = answer.entry_failed() || (!answer.fault.happened && !answer.exited());
    if (failed && vmread(field::entry_interruption_information) != event) {
        text.append(" event-now=", hex(vmread(field::entry_interruption_information)));
        vmwrite(field::entry_interruption_information, event);
    }
    if (also.delivery && l2::delivery().count != 0)
        text.append(" delivered=", l2::delivery().vector,
                    " delivered-error=", hex(l2::delivery().error_code));
    return {text, failed};
}

// Its entry will be a VMRESUME.
void edit_after_run(const Start& start, void (*edit)(void*), void* context) {
    const Answer answer = enter(start.build());
    if (!answer.exited() || answer.exit.reason != reason::vmcall) {
        print("entry_checks: the start ", start.name, " does not run: ", words(answer).characters(), "\n");
        give_up("a case has no ground to stand on");
    }
    edit(context);
}

// Its entry will be a VMLAUNCH.
void edit_fresh(const Start& start, void (*edit)(void*), void* context) {
    start.build();
    edit(context);
}

// VMCLEAR keeps the fields, so that only the launch state changes.
void clear_vmcs(Vcpu& vcpu) {
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
    vcpu.make_current();
    vcpu.launched = false;
}

bool exists(const Start& start, Field field) {
    start.build();
    u64 value = 0;
    return vmread_raw(field.encoding, value).succeeded();
}

}  // namespace

void apply(std::initializer_list<Edit> edits) {
    for (const Edit& edit : edits) vmwrite(edit.field, (vmread(edit.field) & ~edit.clear) | edit.set);
}

void check_with(const Start& start, const Text& name, void (*edit)(void*), void* context, const Also& also) {
    edit_after_run(start, edit, context);
    const Entered resumed = enter_and_describe(the_vcpu(), also);
    if (resumed.vmcs_is_as_it_was)
        clear_vmcs(the_vcpu());
    else
        edit_fresh(start, edit, context);
    Text text = enter_and_describe(the_vcpu(), also).text;
    if (!same_text(text.characters(), resumed.text.characters())) text.append(" resumed: ", resumed.text);
    print_case(topic, Text(start.name, "-", name), text);
}

void check_edits(const Start& start, const Text& name, std::initializer_list<Edit> edits) {
    check(start, name, [edits] { apply(edits); });
}

// Asked once for all bits: building a VMCS is most of a case's time.
void each_bit(const Start& start, const char* name, Field field, unsigned first, unsigned last) {
    const bool is_there = exists(start, field);
    for (unsigned number = first; number <= last; ++number) {
        const Text title(name, "-bit-", number);
        if (is_there)
            check(start, title, [=] { vmwrite(field, vmread(field) ^ bit(number)); });
        else
            print_absent(topic, Text(start.name, "-", title));
    }
}

void each_value(const Start& start, const char* name, Field field, std::initializer_list<u64> values) {
    for (const u64 value : values) check(start, Text(name, "-", hex(value)), [=] { vmwrite(field, value); });
}

unsigned physical_width() {
    constexpr u32 leaf_address_sizes = 0x80000008;
    return cpuid(leaf_address_sizes).eax & 0xFF;
}

}  // namespace conformance::checks
