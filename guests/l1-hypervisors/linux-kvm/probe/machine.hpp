// A virtual machine of one processor and without devices, by /dev/kvm, that runs the probe's guest.
//
// In:    the guest's orders (mailbox.hpp).
// Out:   the samples, and what L0 executed between the guest's begin and end.
// Never: prints; every failure is a std::runtime_error that says what failed.
#pragma once

#include <linux/kvm.h>

#include <optional>

#include "file.hpp"
#include "kurma.hpp"
#include "mailbox.hpp"
#include "memory.hpp"

namespace kurma::probe {

struct Order {
    Operation operation;
    u32 repetitions;
    u64 touch_base = 0;
};

class Machine {
  public:
    Machine();

    // Lets the guest do one order from begin to end. The difference of L0's counts is there if Kurma is.
    std::optional<Counts> run(const Order& order);

    const volatile u64* samples() const { return mailbox().samples; }
    bool has_xsave() const { return has_xsave_; }

    // Makes the host's memory for the pages from `first` on exist, which KVM has then only to map.
    void populate(u64 first, u32 pages);

    // Makes KVM flush its translations (one INVEPT, with EPT) without dropping any of its own page tables'
    // entries for the touched pages.
    void flush_translations();

  private:
    volatile Mailbox& mailbox() const;
    void give_memory(u32 slot, const Memory& memory, u64 address, u32 flags);
    void offer_cpuid();
    void load_guest();
    void start_processor();
    u16 run_to_signal(Operation operation);

    File kvm_;
    File vm_;
    File vcpu_;
    Memory low_;
    Memory scratch_;
    Memory touched_;
    Memory run_area_;
    kvm_run* run_;
    bool has_xsave_ = false;
};

}  // namespace kurma::probe
