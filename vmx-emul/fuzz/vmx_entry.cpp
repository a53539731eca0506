// A vmcs12 that passes the checks merges to a vmcs02 that the processor takes, in which L2 can do no more
// than 12 and 01 allow (laws Closure, Strictness, Isolation).
//
// An input is a processor, what of it is hidden from L1, and vmcs12s: each a valid one, changed field by
// field.
#include <algorithm>
#include <optional>

#include "../testing/merged.hpp"
#include "vmcs12_choice.hpp"

namespace kurma::vmx::fuzz {
namespace {

using testing::FakeVmcs;

constexpr unsigned max_entries = 60, max_changes = 48;

/// SDM 3D A.3: bits that must be 1 are, and no others are than may be.
void expect_allowed(u32 word, AllowedSettings allowed) {
    const u32 must = static_cast<u32>(allowed.raw), may = static_cast<u32>(allowed.raw >> 32);
    law_equal(word & must, must, "closure: a control of vmcs02 that must be 1");
    law_equal(word & ~may, 0, "closure: a control of vmcs02 that must be 0");
}

void expect_closure(const FakeVmcs& vmcs02, const Capabilities& host) {
    expect_allowed(vmcs02.get(field::pin_controls).raw, host.true_pin);
    expect_allowed(vmcs02.get(field::primary_controls).raw, host.true_primary);
    expect_allowed(vmcs02.get(field::secondary_controls).raw, host.secondary);
    expect_allowed(vmcs02.get(field::exit_controls).raw, host.true_exit);
    expect_allowed(vmcs02.get(field::entry_controls).raw, host.true_entry);
    Vmcs12 image{};
    for (usize i = 0; i < field_count; ++i) image.image[i] = vmcs02.peek(static_cast<FieldId>(i));
    const CheckResult result = check_controls(image, host);
    if (!result.passed()) tell("vmcs02 fails %s with %#lx", name_of(result.failed), result.value);
    law(result.passed(), "closure: vmcs02 passes the checks of the processor");
}

/// Whether a port exits: bitmaps, where used, are all that counts (SDM 3C 25.6.2, 26.1.3).
bool port_exits(u64 primary, bool bit_in_bitmap) {
    const bool unconditional = (primary >> 24 & 1) != 0, bitmaps = (primary >> 25 & 1) != 0;
    return bitmaps ? bit_in_bitmap : unconditional;
}
/// Whether an MSR exits: all do without a bitmap (25.6.9).
bool msr_exits(u64 primary, bool bit_in_bitmap) { return (primary >> 28 & 1) == 0 || bit_in_bitmap; }

void expect_strict_bitmaps(u64 primary12, u64 primary02, bool in_12, bool in_01) {
    // L1's bitmap is copied only where L1 uses it.
    const u64 of_l0 = in_01;
    u64 io = (primary12 >> 25 & 1) != 0 && in_12, msr = (primary12 >> 28 & 1) != 0 && in_12;
    Intercepts01 intercepts;
    law(intercepts.take(&of_l0, 1), "there is room for one word of intercepts");
    intercepts.add_to(&io);
    intercepts.add_to(&msr);
    if (in_01 || port_exits(primary12, in_12)) law(port_exits(primary02, io != 0), "strictness: ports");
    if (in_01 || msr_exits(primary12, in_12)) law(msr_exits(primary02, msr != 0), "strictness: MSRs");
}

/// Bits by SDM 3C tables 25-5 to 25-7: those that make something exit, apart from ports and MSRs.
constexpr u32 bits_at(std::initializer_list<unsigned> positions) {
    u32 word = 0;
    for (const unsigned position : positions) word |= u32{1} << position;
    return word;
}
constexpr u32 pin_intercepts = bits_at({0, 3, 6});
constexpr u32 primary_intercepts = bits_at({2, 7, 9, 10, 11, 12, 15, 16, 19, 20, 22, 23, 27, 29, 30});
constexpr u32 secondary_intercepts = bits_at({2, 6, 10, 11, 15, 16});

void expect_strictness(const Vmcs12& v, const FakeVmcs& vmcs02) {
    const u64 primary12 = v.get(field::primary_controls).raw;
    const u64 primary02 = vmcs02.get(field::primary_controls).raw;
    law((v.get(field::pin_controls).raw & pin_intercepts & ~vmcs02.get(field::pin_controls).raw) == 0,
        "strictness: pin-based controls");
    law((primary12 & primary_intercepts & ~primary02) == 0, "strictness: primary controls");
    if (primary12 >> 31 != 0)
        law((v.get(field::secondary_controls).raw & secondary_intercepts &
             ~vmcs02.get(field::secondary_controls).raw) == 0,
            "strictness: secondary controls");
    for (const FieldId id : {FieldId::exception_bitmap, FieldId::page_fault_error_code_mask,
                             FieldId::page_fault_error_code_match, FieldId::cr0_guest_host_mask,
                             FieldId::cr4_guest_host_mask, FieldId::cr0_read_shadow, FieldId::cr4_read_shadow,
                             FieldId::cr3_target_count, FieldId::tpr_threshold})
        law_equal(vmcs02.peek(id), v.image[static_cast<usize>(id)], row_of(id).name);
    for (const bool in_12 : {false, true})
        for (const bool in_01 : {false, true}) expect_strict_bitmaps(primary12, primary02, in_12, in_01);
    law(primary02 >> 31 != 0 && (vmcs02.get(field::secondary_controls).raw & 2) != 0,
        "strictness: L2's memory is behind an EPT of L0's");
}

/// Controls that have the processor use an address, and that address's field (SDM 3C 25.6, 3D appendix B).
struct Use {
    FieldId word;
    unsigned bit;
    u32 encoding;
};
constexpr Use uses[]{
    {FieldId::primary_controls, 21, 0x2012},                                             // virtual-APIC page
    {FieldId::primary_controls, 25, 0x2000},                                             // I/O bitmaps
    {FieldId::primary_controls, 25, 0x2002},   {FieldId::primary_controls, 28, 0x2004},  // MSR bitmap
    {FieldId::secondary_controls, 0, 0x2014},                                            // APIC-access page
    {FieldId::secondary_controls, 1, 0x201a},                                            // EPT
    {FieldId::secondary_controls, 14, 0x2026},  // VMREAD and VMWRITE bitmaps
    {FieldId::secondary_controls, 14, 0x2028}, {FieldId::secondary_controls, 17, 0x200e},  // PML
    {FieldId::secondary_controls, 18, 0x202a},                                             // #VE information
    {FieldId::pin_controls, 7, 0x2016},  // posted interrupts
};

void expect_own_addresses(const FakeVmcs& vmcs02) {
    for (const Use& use : uses) {
        if ((vmcs02.peek(use.word) >> use.bit & 1) == 0) continue;
        const auto is_place = [&](const FakeVmcs::Access& access) {
            return access.kind == FakeVmcs::Kind::write && row_of(access.id).encoding.raw == use.encoding;
        };
        law(std::any_of(vmcs02.history().begin(), vmcs02.history().end(), is_place),
            "isolation: an address that the processor uses is one that L0 has given");
    }
    constexpr u32 vm_functions = 13;
    if ((vmcs02.get(field::secondary_controls).raw >> vm_functions & 1) != 0)
        law_equal(vmcs02.get(field::vm_function_controls), 0, "isolation: no VM function goes past L0");
}

/// What of vmcs12 must leave no trace in vmcs02: host state, physical addresses, the tag of the TLB. By the
/// encodings of SDM 3D appendix B.
enum class Secret { no, host_state, address, eptp, vpid };
Secret secret(u32 encoding) {
    if ((encoding >> 10 & 3) == 3) return Secret::host_state;
    switch (encoding) {
        case 0x0000: return Secret::vpid;
        case 0x201a: return Secret::eptp;
        case 0x2000:  // I/O bitmaps
        case 0x2002:
        case 0x2004:  // MSR bitmap
        case 0x2006:  // MSR areas
        case 0x2008:
        case 0x200a:
        case 0x200c:  // executive VMCS
        case 0x200e:  // PML
        case 0x2012:  // APIC pages
        case 0x2014:
        case 0x2016:  // posted-interrupt descriptor
        case 0x2024:  // EPTP list
        case 0x2026:  // VMREAD and VMWRITE bitmaps
        case 0x2028:
        case 0x202a:  // #VE information
            return Secret::address;
        default: return Secret::no;
    }
}

/// The same vmcs12, with other secrets that are as valid.
Vmcs12 with_other_secrets(const Vmcs12& v, u8 width) {
    Vmcs12 other = v;
    const u64 moved = u64{1} << (width - 1);
    for (usize i = 0; i < field_count; ++i) {
        u64& value = other.image[i];
        switch (secret(field_rows[i].encoding.raw)) {
            case Secret::no: break;
            case Secret::vpid: value = value == 1 ? 2 : 1; break;
            case Secret::eptp:
            case Secret::address: value ^= moved; break;
            case Secret::host_state: break;
        }
    }
    other.set(field::host_rip, v.get(field::host_rip) ^ 0x1000);
    other.set(field::host_rsp, v.get(field::host_rsp) ^ 0x2000);
    other.set(field::host_cr3, v.get(field::host_cr3) ^ 0x3000);
    other.set(field::host_gs_base, v.get(field::host_gs_base) ^ 0x4000);
    return other;
}

void expect_isolation(const Vmcs12& v, const FakeVmcs& vmcs02, const Processor& processor) {
    constexpr u32 host_state = 3;
    for (const FakeVmcs::Access& access : vmcs02.history()) {
        if (access.kind != FakeVmcs::Kind::write) continue;
        const u32 encoding = row_of(access.id).encoding.raw;
        law((encoding >> 10 & 3) != host_state, "isolation: merge writes no host state");
        law(encoding != 0x2800, "isolation: merge writes no link pointer");
    }
    expect_own_addresses(vmcs02);
    constexpr u32 to_l0 = bits_at({2, 9, 18, 19, 20, 21});
    law_equal(vmcs02.get(field::exit_controls).raw & to_l0, to_l0, "isolation: exits return to L0 as L0 is");
    Vmcs12 other = with_other_secrets(v, processor.host.physical_address_width);
    const auto other02 = testing::merged(other, processor.offered, processor.host);
    if (!other02) return;
    law(other02->history() == vmcs02.history(),
        "isolation: no address of L1's, no host state leaves a trace");
}

void expect_named(const CheckResult& failure) {
    law(!failure.passed(), "a refusal has a check that failed");
    law(name_of(failure.failed)[0] != '?' && rule_of(failure.failed)[0] != '\0',
        "a check has a name and a rule");
}

void expect_same_verdict(const Vmcs12& v, const Capabilities& offered, L1Mode mode) {
    Vmcs12 fresh = v;
    CheckResult failure{};
    VmInstructionError error{};
    const bool passed = Checker::check(fresh, offered, mode, failure, error).has_value();
    const CheckResult controls = check_controls(v, offered), host_state = check_host_state(v, offered, mode);
    law_equal(passed, controls.passed() && host_state.passed(), "the checker passes what both checks pass");
    if (passed) return;
    tell("refused: %s, %#lx", name_of(failure.failed), failure.value);
    expect_named(failure);
    // SDM 3C 31.4: error 7 is of control fields, and they come first; error 8 is of host state.
    law_equal(static_cast<u64>(error), controls.passed() ? 8 : 7, "error number");
}

void try_to_enter(const Vmcs12& v, const Processor& processor) {
    expect_same_verdict(v, processor.offered, L1Mode::ia32e);
    expect_same_verdict(v, processor.offered, L1Mode::legacy);
    Vmcs12 checked = v;
    const auto vmcs02 = testing::merged(checked, processor.offered, processor.host);
    if (!vmcs02) return;
    expect_closure(*vmcs02, processor.host);
    expect_strictness(v, *vmcs02);
    expect_isolation(v, *vmcs02, processor);
}

void run(Input& input) {
    const Processor processor = choose_processor(input);
    for (unsigned entry = 0; entry < max_entries && !input.at_end(); ++entry) {
        Vmcs12 v = valid_for(processor.offered);
        const u64 changes = input.below(max_changes);
        if (changes == 0) input.storm();
        for (u64 left = changes; left != 0; --left) change(v, processor.offered, input);
        try_to_enter(v, processor);
    }
}

}  // namespace
}  // namespace kurma::vmx::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::vmx::fuzz::run(input);
    return 0;
}
