// Every exit has an answer; an exit of L2 that vmcs12 or the architecture gives to L1 is L1's, and no other
// (laws Totality and Strictness).
//
// An input is what of a vmcs12 routing may look at, and a series of exits: any reason, qualification,
// interruption information, MSR. The reference goes by the numbers of SDM 3D appendix C, and by 3C 26.1
// and 26.2.
#include <vmx/nested.hpp>
#include <vmx/route.hpp>

#include "capability_choice.hpp"

namespace kurma::vmx::fuzz {
namespace {

constexpr unsigned max_exits = 100;

/// L1's bitmaps, of which one answer is asked for, by the exit's own MSR or port.
class Bitmaps {
  public:
    explicit Bitmaps(bool intercepts) : intercepts_(intercepts) {}

    bool msr_intercepted(u32 msr, bool write) const {
        ++asked;
        last_msr = msr;
        last_write = write;
        return intercepts_;
    }
    bool io_intercepted(u16 port, unsigned bytes) const {
        ++asked;
        last_port = port;
        last_bytes = bytes;
        return intercepts_;
    }

    mutable unsigned asked = 0;
    mutable u32 last_msr = 0;
    mutable bool last_write = false;
    mutable u16 last_port = 0;
    mutable unsigned last_bytes = 0;

  private:
    bool intercepts_;
};

namespace reason {
constexpr u64 exception_or_nmi = 0, vmclear = 19, vmread = 23, vmwrite = 25, vmxon = 27, io = 30, rdmsr = 31,
              wrmsr = 32, ept_violation = 48, invept = 50, invvpid = 53, vmfunc = 59;
}  // namespace reason

bool is_vmx_instruction(u64 number) {
    return (number >= reason::vmclear && number <= reason::vmxon) || number == reason::invept ||
           number == reason::invvpid;
}

void expect_named(Why why) {
    law(static_cast<usize>(why) < why_count, "totality: the answer is one of those that there are");
    law(name_of(why)[0] != '?' && name_of(room_of(why))[0] != '?',
        "totality: an answer has a name and a room");
}

/// L1's own exits: VMX instructions are emulated, the rest is L0's. Nothing of L1's is reflected to L1.
void route_exit_of_l1(u64 number) {
    const Why why = route_l1(static_cast<Reason>(number));
    expect_named(why);
    law((room_of(why) == Room::emulate) == is_vmx_instruction(number),
        "L1's VMX instructions, and they alone");
    law(room_of(why) == Room::emulate || room_of(why) == Room::l0, "an exit of L1 is L0's to answer");
}

Room reference(const Vmcs12& v, const L2Exit& exit, bool bitmaps_intercept) {
    constexpr u32 nmi_type = 2, nmi_exiting = 1u << 3, vmcs_shadowing = 1u << 14, secondary_active = 1u << 31;
    if (exit.reason.raw >> 31 != 0) return Room::reflect;
    const u32 secondary = (v.get(field::primary_controls).raw & secondary_active) != 0
                              ? v.get(field::secondary_controls).raw
                              : 0;
    switch (exit.reason.raw & 0xffff) {
        case reason::ept_violation: return Room::compose;
        case reason::io:
        case reason::rdmsr:
        case reason::wrmsr: return bitmaps_intercept ? Room::reflect : Room::l0;
        case reason::exception_or_nmi: {
            const bool nmi = (exit.interruption.raw >> 8 & 7) == nmi_type;
            return nmi && (v.get(field::pin_controls).raw & nmi_exiting) == 0 ? Room::l0 : Room::reflect;
        }
        // L0 answers what vmcs12 lets L2 do without an exit, and vmcs02 cannot.
        case reason::vmfunc: return v.get(field::vm_function_controls) != 0 ? Room::l0 : Room::reflect;
        case reason::vmread:
        case reason::vmwrite: return (secondary & vmcs_shadowing) != 0 ? Room::l0 : Room::reflect;
        default: return Room::reflect;
    }
}

void route_exit_of_l2(const Vmcs12& v, const L2Exit& exit, bool bitmaps_intercept) {
    const Bitmaps bitmaps{bitmaps_intercept};
    const Why why = route_l2(v, exit, bitmaps);
    tell("L2, reason %#x, interruption %#x, MSR %#x, I/O %#lx: %s", exit.reason.raw, exit.interruption.raw,
         exit.msr, exit.io.raw, name_of(why));
    expect_named(why);
    law_equal(static_cast<u64>(room_of(why)), static_cast<u64>(reference(v, exit, bitmaps_intercept)),
              "room");
    const u64 number = exit.reason.raw & 0xffff;
    const bool entered = exit.reason.raw >> 31 == 0;
    const bool msr = entered && (number == reason::rdmsr || number == reason::wrmsr);
    const bool io = entered && number == reason::io;
    law_equal(bitmaps.asked, msr || io ? 1 : 0, "questions to L1's bitmaps");
    if (msr) {
        law_equal(bitmaps.last_msr, exit.msr, "MSR asked for");
        law_equal(bitmaps.last_write, number == reason::wrmsr, "asked for a write");
    }
    if (io) {
        law_equal(bitmaps.last_port, exit.io.raw >> 16 & 0xffff, "port asked for");
        law_equal(bitmaps.last_bytes, (exit.io.raw & 7) + 1, "bytes asked for");
    }
}

/// Known reasons are few, and numbers beyond them are an answer's test too.
ExitReason choose_reason(Input& input) {
    const u8 choice = input.byte();
    if (choice >= 0xf0) return {input.number32()};
    constexpr u32 entry_failure = 1u << 31;
    return {u32{choice} % 80 | (choice >= 0xa0 ? entry_failure : 0)};
}

void run(Input& input) {
    Vmcs12 v{};
    v.set(field::pin_controls, {input.number32()});
    v.set(field::primary_controls, {input.number32()});
    v.set(field::secondary_controls, {input.number32()});
    v.set(field::vm_function_controls, input.byte());
    tell("vmcs12: pin %#x, primary %#x, secondary %#x, VM functions %#lx", v.get(field::pin_controls).raw,
         v.get(field::primary_controls).raw, v.get(field::secondary_controls).raw,
         v.get(field::vm_function_controls));
    for (unsigned i = 0; i < max_exits && !input.at_end(); ++i) {
        const ExitReason reason = choose_reason(input);
        const u8 event = input.byte();
        const L2Exit exit{.reason = reason,
                          .interruption = {InterruptionInfo::valid_bit | (event & 7u) << 8 | event >> 3u},
                          .io = {input.number(4)},
                          .msr = input.number32()};
        route_exit_of_l1(reason.raw & 0xffff);
        route_exit_of_l2(v, exit, input.flag());
    }
}

}  // namespace
}  // namespace kurma::vmx::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::vmx::fuzz::run(input);
    return 0;
}
