// VM functions: EPTP switching (SDM 3C 26.5.6).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/features/features.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {

extern "C" const Form forms_vmfunc[];

namespace {

constexpr u64 eptp_switching = bit(0);
constexpr u64 list_entries = 512;
constexpr u64 frame_of_first = 0x1111, frame_of_second = 0x2222;

// Places in the list of EPTPs; what is not named is zero.
enum Place : u64 {
    its_own,
    another,
    another_with_accessed_dirty,
    bad_memory_type,
    bad_walk_length,
    reserved_bit,
    beyond_width,
    uncacheable,
    last = list_entries - 1,
};

Ept second;
Page frames[2], list;

u64& list_entry(u64 place) { return at_address<u64>(list.address())[place]; }

void fill_list(const Vcpu& vcpu) {
    constexpr u64 memory_type = 7, walk_length = 7 << 3, three_levels = 2 << 3, reserved = bit(11);
    list.clear();
    list_entry(its_own) = vcpu.ept.pointer();
    list_entry(another) = second.pointer();
    list_entry(another_with_accessed_dirty) = second.pointer(true);
    list_entry(bad_memory_type) = (second.pointer() & ~memory_type) | 3;
    list_entry(bad_walk_length) = (second.pointer() & ~walk_length) | three_levels;
    list_entry(reserved_bit) = second.pointer() | reserved;
    list_entry(beyond_width) = second.pointer() | bit(51);
    list_entry(uncacheable) = second.pointer() & ~memory_type;
    list_entry(last) = second.pointer();
}

struct Call {
    const char* name;
    u64 rax, rcx;
};

constexpr Call calls[] = {
    {"its-own", 0, its_own},
    {"another", 0, another},
    {"another-with-accessed-dirty", 0, another_with_accessed_dirty},
    {"bad-memory-type", 0, bad_memory_type},
    {"bad-walk-length", 0, bad_walk_length},
    {"reserved-bit", 0, reserved_bit},
    {"beyond-width", 0, beyond_width},
    {"uncacheable", 0, uncacheable},
    {"zero-entry", 0, 100},
    {"last", 0, last},
    {"behind-the-list", 0, list_entries},
    {"far-behind-the-list", 0, 0xFFFFFFFF},
    {"high-half-of-rcx", 0, bit(32) | another},
    {"high-half-of-rax", bit(32), another},
    {"function-1", 1, another},
    {"function-63", 63, another},
    {"function-64", 64, another},
    {"function-highest", 0xFFFFFFFF, another},
};

void prepare_pages(Vcpu& vcpu) {
    constexpr u64 mapped = ept_entry::all | ept_entry::write_back;
    second.build();
    *at_address<u64>(frames[0].address()) = frame_of_first;
    *at_address<u64>(frames[1].address()) = frame_of_second;
    vcpu.ept.window_entry(0) = frames[0].address() | mapped;
    second.window_entry(0) = frames[1].address() | mapped;
    fill_list(vcpu);
    invalidate_ept(second.pointer());
    if ((rdmsr(vmx_msr::ept_vpid) & vmx_msr::ept_accessed_dirty) != 0) invalidate_ept(second.pointer(true));
    vcpu.registers.rdi = Ept::window;
}

struct Way {
    const char* name;
    u32 secondary;
    u64 functions;
    bool user;
};

constexpr Way ways[] = {
    {"on", secondary::vm_functions, eptp_switching, false},
    {"user", secondary::vm_functions, eptp_switching, true},
    {"no-function", secondary::vm_functions, 0, false},
    {"off", 0, 0, false},
};

void call(const Way& way, const Call& c) {
    const Text name("vmfunc/", way.name, "/", c.name);
    const VcpuOptions options = {.secondary = way.secondary};
    if (!is_offered({.secondary = secondary::vm_functions})) return print_absent(topic, name);
    Vcpu& vcpu = fresh(forms_vmfunc[0].code, options);
    prepare_pages(vcpu);
    vmwrite(field::vm_function_controls, way.functions);
    vmwrite(field::eptp_list_address, list.address());
    vcpu.registers.rax = c.rax;
    vcpu.registers.rcx = c.rcx;
    if (way.user) run_at_user_level();
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    if (answer.exited()) {
        text.append(" seen=", hex(vcpu.registers.rdx), " rax=", hex(vcpu.registers.rax),
                    " rcx=", hex(vcpu.registers.rcx), " eptp=", hex(vmread(field::eptp)));
        if (control_is_allowed(vmx_msr::secondary, secondary::virtualization_exceptions))
            text.append(" index=", hex(vmread(field::eptp_index)));
    }
    print_case(topic, name, text);
}

// What an exit after a switch says, and that the next entry keeps it.
void fault_in_the_other() {
    const Text name("vmfunc/fault-in-the-other"), after("vmfunc/fault-in-the-other/again");
    const VcpuOptions options = {.secondary = secondary::vm_functions};
    if (!is_offered(options)) {
        print_absent(topic, name);
        return print_absent(topic, after);
    }
    Vcpu& vcpu = fresh(forms_vmfunc[0].code, options);
    prepare_pages(vcpu);
    second.window_entry(0) = 0;
    vmwrite(field::vm_function_controls, eptp_switching);
    vmwrite(field::eptp_list_address, list.address());
    vcpu.registers.rax = 0;
    vcpu.registers.rcx = another;
    print_entry(topic, name, vcpu);
    second.window_entry(0) = frames[1].address() | ept_entry::all | ept_entry::write_back;
    invalidate_ept(second.pointer());
    const Answer answer = enter(vcpu);
    Text text = words(answer);
    text.append(" seen=", hex(vcpu.registers.rdx), " eptp=", hex(vmread(field::eptp)));
    print_case(topic, after, text);
}

}  // namespace

void sweep_vm_functions() {
    for (const Way& way : ways)
        for (const Call& c : calls) call(way, c);
    fault_in_the_other();
}

}  // namespace conformance::features
