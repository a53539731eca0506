// OBSERVE: VMREAD only what the reason needs.
//
// In:    the VMCS that was running is current.
// Out:   the reason; for exits of L2, what routing asks of that reason.
// Never: reads a field "just in case".
#pragma once

#include <vmx/route.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

[[gnu::always_inline]] inline vmx::ExitReason observe_reason(Cpu& cpu) {
    ++cpu.totals.vmread;
    return {static_cast<u32>(hw::vmread(vmx::field::exit_reason.encoding.raw))};
}

/// What routing asks of an exit of L2 by a reason.
template <vmx::Reason reason>
[[gnu::always_inline]] inline vmx::L2Exit observe_l2(Cpu& cpu, const Gprs& gprs) {
    using namespace vmx;
    L2Exit exit{.reason = ExitReason::of(reason), .interruption = {}, .io = {}, .msr = 0};
    const auto vmcs02 = vmcs02_after_exit(cpu);
    if constexpr (reason == Reason::exception_or_nmi)
        exit.interruption = read(vmcs02, field::exit_interruption_info);
    if constexpr (reason == Reason::io_instruction) exit.io = {read(vmcs02, field::exit_qualification)};
    if constexpr (reason == Reason::rdmsr || reason == Reason::wrmsr)
        exit.msr = static_cast<u32>(gprs.value[Gprs::rcx]);
    return exit;
}

/// vmcs12's bitmaps as they stand in L1's memory at this moment. A bitmap that lies nowhere intercepts
/// everything.
class Bitmaps12 {
  public:
    explicit Bitmaps12(const Cpu& cpu) : cpu_(cpu) {}
    bool msr_intercepted(u32 msr, bool write) const;
    bool io_intercepted(u16 port, unsigned bytes) const;

  private:
    bool bit_in_l1(u64 page, u64 bit) const;
    const Cpu& cpu_;
};

}  // namespace kurma::l0
