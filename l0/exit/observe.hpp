// OBSERVE: VMREAD only what the reason needs.
//
// In:    the VMCS that was running is current.
// Out:   the reason; for exits of L2, what routing asks of that reason.
// Never: reads a field "just in case".
#pragma once

#include <vmx/route.hpp>

#include "../cpu/vmcs.hpp"

namespace kurma::l0 {

vmx::ExitReason observe_reason(Cpu& cpu);
/// The basic reason of an exit of L1. An entry of L1 that hardware refused is the end of L1.
vmx::Reason reason_of_l1(Cpu& cpu, vmx::ExitReason reason);
vmx::L2Exit observe_l2(Cpu& cpu, const Gprs& gprs, vmx::ExitReason reason);

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
