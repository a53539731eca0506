// Which encodings are fields, which of them can be written, how wide they are, and whether they keep what was
// written (SDM 3C 25.11.2, 3D appendix B).
#include "cpu/instructions.hpp"
#include "sweeps/furnished.hpp"
#include "sweeps/sweep.hpp"
#include "vmx/operation.hpp"

namespace conformance {
namespace {

constexpr const char* topic = "fields";

// A VM-instruction error of 0 is success.
constexpr u32 invalid = 0xFF;
constexpr u32 group_stride = 1 << 10;  // an encoding's bits 15:10 are width, kind and what must be zero
constexpr u32 group_count = 64;
constexpr u32 indices = 512;  // bits 9:1; bit 0 asks for the high half

u32 error_of(const VmxOutcome& outcome) {
    if (outcome.failed_invalid()) return invalid;
    return outcome.failed_valid() ? static_cast<u32>(vmread(field::vm_instruction_error)) : 0;
}

u32 try_read(u64 encoding) {
    u64 value = 0;
    return error_of(vmread_raw(encoding, value));
}

// Writes what is there already, so that sweeping all encodings changes nothing.
u32 try_write(u64 encoding) {
    u64 value = 0;
    static_cast<void>(vmread_raw(encoding, value));
    return error_of(vmwrite_raw(encoding, value));
}

void append_run(Text& text, u32 first, u32 last, u32 error) {
    text.append(text.is_empty() ? "" : " ", first);
    if (last != first) text.append("-", last);
    text.append("=");
    if (error == 0)
        text.append("ok");
    else if (error == invalid)
        text.append("invalid");
    else
        text.append(error);
}

// The answers for the 512 indices of a group, as runs of equal ones.
Text runs(u32 first_encoding, u32 (*attempt)(u64)) {
    Text text;
    u32 begin = 0, answer = attempt(first_encoding);
    for (u32 index = 1; index <= indices; ++index) {
        const u32 next = index < indices ? attempt(first_encoding | index << 1) : ~answer;
        if (next == answer) continue;
        append_run(text, begin, index - 1, answer);
        begin = index;
        answer = next;
    }
    return text;
}

void every_encoding() {
    fresh_furnished(&l2_finish);
    for (u32 group = 0; group < group_count; ++group) {
        for (const u32 high : {0u, 1u}) {
            const u32 first = group * group_stride | high;
            print_case(topic, Text("vmread-from-", hex(first)), runs(first, &try_read));
            print_case(topic, Text("vmwrite-from-", hex(first)), runs(first, &try_write));
        }
    }
}

// Bits 31:16 are reserved, and the register operand has 64.
void reserved_bits() {
    fresh_furnished(&l2_finish);
    for (unsigned number = 15; number < 64; ++number) {
        const u64 encoding = field::guest_rip.encoding | bit(number);
        Text text("vmread=", try_read(encoding));
        text.append(" vmwrite=", try_write(encoding));
        print_case(topic, Text("guest-rip-with-bit-", number), text);
    }
}

const char* name_of(u32 encoding) {
    for (const NamedField& named : all_fields)
        if (named.field.encoding == encoding) return named.name;
    return nullptr;
}

Text title(const char* what, u32 encoding) {
    const char* name = name_of(encoding);
    return name != nullptr ? Text(what, "-", name) : Text(what, "-", hex(encoding));
}

template <typename Body>
void for_each_field(Body body) {
    for (u32 group = 0; group < group_count; ++group)
        for (u32 index = 0; index < indices; ++index) {
            const u32 encoding = group * group_stride | index << 1;
            if (try_read(encoding) == 0) body(encoding);
        }
}

// So that every model prints the same names.
void name_absent_fields(const char* what) {
    for (const NamedField& named : all_fields)
        if (try_read(named.field.encoding) != 0) print_absent(topic, Text(what, "-", named.name));
}

void append_read_back(Text& text, const char* what, u64 written_to, u64 value, u64 encoding) {
    const u32 error = error_of(vmwrite_raw(written_to, value));
    if (error != 0) {
        text.append(" ", what, "=error-", error);
        return;
    }
    u64 now = 0;
    text.append(" ", what, "=");
    if (vmread_raw(encoding, now).succeeded())
        text.append(hex(now));
    else
        text.append("unreadable");
}

// A field that cannot be written is left alone: what it holds is what the last exit left there.
void write_and_read_back(u32 encoding) {
    constexpr u64 ones = ~u64{0}, odd_bits = 0xAAAAAAAAAAAAAAAA, even_bits = 0x5555555555555555;
    Text text("write=", try_write(encoding));
    if (try_write(encoding) == 0) {
        append_read_back(text, "ones", encoding, ones, encoding);
        append_read_back(text, "odd", encoding, odd_bits, encoding);
        append_read_back(text, "even", encoding, even_bits, encoding);
        const Field field = {encoding};
        if (field.width() == FieldWidth::w64) {
            append_read_back(text, "high", field.high().encoding, odd_bits, encoding);
            append_read_back(text, "high-alone", field.high().encoding, ones, field.high().encoding);
        }
        append_read_back(text, "zero", encoding, 0, encoding);
    }
    print_case(topic, title("cookie", encoding), text);
}

Page other_region;

void look_at_another_vmcs() {
    prepare_region(other_region);
    if (!vmclear(other_region.address()).succeeded() || !vmptrld(other_region.address()).succeeded())
        give_up("a second VMCS could not be made current");
}

u64 cookie(u32 encoding) {
    constexpr u64 spread = 0x9E3779B97F4A7C15;  // odd, so that no two encodings meet in 16 bits
    return (u64{encoding} + 1) * spread;
}

// Every field gets a value of its own; all are read again after VMCLEAR, another VMCS, and VMPTRLD.
void kept_across_vmclear() {
    Vcpu& vcpu = fresh_furnished(&l2_finish);
    for_each_field([](u32 encoding) { static_cast<void>(vmwrite_raw(encoding, cookie(encoding))); });
    look_at_another_vmcs();
    for_each_field([](u32 encoding) { static_cast<void>(vmwrite_raw(encoding, ~cookie(encoding))); });
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
    vcpu.make_current();
    for_each_field([](u32 encoding) {
        u64 value = 0;
        static_cast<void>(vmread_raw(encoding, value));
        const bool is_ours = try_write(encoding) == 0;
        print_case(topic, title("kept", encoding), is_ours ? Text(hex(value)) : Text("read-only"));
    });
    name_absent_fields("kept");
    if (!vmclear(other_region.address()).succeeded()) give_up("VMCLEAR failed");
}

}  // namespace

void sweep_fields() {
    every_encoding();
    reserved_bits();
    fresh_furnished(&l2_finish);
    for_each_field([](u32 encoding) { write_and_read_back(encoding); });
    name_absent_fields("cookie");
    kept_across_vmclear();
}

}  // namespace conformance
