// VPIDs: what an L2 sees after its tables were changed and the right INVVPID was executed, and which
// identifiers an entry takes (SDM 3C 29.1).
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "l2/l2.hpp"
#include "l2/snippets.hpp"
#include "sweeps/features/features.hpp"
#include "vmx/operation.hpp"

namespace conformance::features {
namespace {

constexpr u64 present_writable = 3;
constexpr u64 values[] = {0xAAAA, 0xBBBB};

Page frames[2], table;
alignas(page_size) u64 directory[512];
alignas(page_size) u64 directory_pointers[512];
alignas(page_size) u64 top[512];

constexpr u64 linear = u64{1} << 39;  // beside L2's identity map

// L2's own tables with one more page, which can be moved from frame to frame.
u64 tables_with_moving_page() {
    const u64 identity = l2::page_tables();
    for (u64 i = 0; i < 512; ++i) top[i] = at_address<const u64>(identity)[i];
    top[linear >> 39] = address_of(directory_pointers) | present_writable;
    directory_pointers[0] = address_of(directory) | present_writable;
    directory[0] = table.address() | present_writable;
    return address_of(top);
}

void map_frame(u64 number) {
    *at_address<u64>(table.address()) = frames[number].address() | present_writable;
}

struct Flush {
    const char* name;
    u64 type;
    bool of_one_context;
    u64 address;
};

constexpr Flush flushes[] = {
    {"individual-address", 0, true, linear},
    {"single-context", 1, true, 0},
    {"all-contexts", 2, false, 0},
    {"single-but-global", 3, true, 0},
};

void move_page(const Flush& flush, u16 vpid, bool with_ept) {
    const Text name("vpid/", with_ept ? "ept" : "without-ept", "/vpid-", u32{vpid}, "/", flush.name);
    if (!is_offered({.secondary = secondary::vpid})) return print_absent(topic, name);
    for (u64 i = 0; i < 2; ++i) *at_address<u64>(frames[i].address()) = values[i];
    Vcpu& vcpu = fresh(&l2_read, {.with_ept = with_ept, .vpid = vpid});
    vmwrite(field::guest_cr3, tables_with_moving_page());
    map_frame(0);
    vcpu.registers.rdi = linear;
    const Answer first = enter(vcpu);
    Text text("first: ", words(first), " seen=", hex(vcpu.registers.rax));
    map_frame(1);
    const InvalidationDescriptor descriptor = {flush.of_one_context ? u64{vpid} : 0, flush.address};
    text.append(" flush: ", words(invvpid(flush.type, descriptor)));
    vcpu.go_to(&l2_read);
    vcpu.registers.rdi = linear;
    const Answer second = enter(vcpu);
    text.append(" second: ", words(second), " seen=", hex(vcpu.registers.rax));
    print_case(topic, name, text);
}

}  // namespace

void sweep_processor_identifiers() {
    for (const bool with_ept : {true, false})
        for (const u16 vpid : {u16{5}, u16{0xFFFF}})
            for (const Flush& flush : flushes) move_page(flush, vpid, with_ept);
}

}  // namespace conformance::features
