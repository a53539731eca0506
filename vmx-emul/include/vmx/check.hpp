// CHECK: may L1's vmcs12 enter?
//
// In:    a vmcs12, what L1 is offered, L1's mode; for guest state, an image filled in with the fields of
//        vmcs02 too, and what the checks would read from memory.
// Out:   nothing wrong, or the name of the first check that failed with the offending value.
// Never: reads hardware or memory; changes the vmcs12.
// Laws:  Closure: a vmcs12 that passes with the offered capabilities merges to controls that pass with the
//        host's. Totality: every image has an answer.
// SDM:   3C 27.2 (controls and host state), 27.3.1 (guest state), 27.8 (qualifications).
//
// Controls and host state are checked before an entry, because vmcs02's are not vmcs12's. The event and the
// guest state are vmcs02's too, and the processor checks them when it enters; the functions here say which
// rule of the manual it was, or look before it does.
#pragma once

#include <array>
#include <optional>
#include <vmx/capability.hpp>
#include <vmx/check_id.hpp>
#include <vmx/nested.hpp>
#include <vmx/outcome.hpp>
#include <x86/control_registers.hpp>

namespace kurma::vmx {

/// Control fields, less what the next three functions check: a failure is VMfailValid(7).
CheckResult check_controls(const Vmcs12& vmcs12, const Capabilities& offered);
/// The TPR threshold against the virtual TPR in L1's virtual-APIC page (27.2.1.1): VMfailValid(7).
CheckResult check_tpr_threshold(const Vmcs12& vmcs12, u8 vtpr);
/// The event to inject (27.2.1.3). Needs CR0 of the guest state in the image: VMfailValid(7).
CheckResult check_event(const Vmcs12& vmcs12, const Capabilities& offered);
/// Entry to SMM, which nobody makes from outside of SMM (27.2.1.3): VMfailValid(7).
CheckResult check_entry_to_smm(const Vmcs12& vmcs12);
/// Host-state fields: a failure is VMfailValid(8).
CheckResult check_host_state(const Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode);
/// The VMCS link pointer (27.3.1.5), given the first word of the region that it points to, if there is
/// memory.
CheckResult check_link_pointer(const Vmcs12& vmcs12, std::optional<u32> word_there,
                               const Capabilities& offered);

/// What the checks of guest state need besides the fields.
struct GuestSurroundings {
    /// The first word of the region at the VMCS link pointer; nothing where L1 has no memory.
    std::optional<u32> word_at_link_pointer{};
    /// The four entries at guest CR3, which matter to PAE paging without EPT.
    std::array<u64, 4> pdptes_at_cr3{};
    /// Bits of IA32_DEBUGCTL that the processor has; CPUID does not tell of all of them.
    u64 debugctl = x86::debugctl::defined;
    /// CPUID.(EAX=07H,ECX=0):EBX bits 11 and 2.
    bool rtm = false, sgx = false;
    /// Whether blocking by STI keeps an NMI from being injected, which the manual leaves to the processor.
    bool sti_blocks_nmis = true;
};
/// All of 27.3.1, in its order, on an image that holds every guest-state field: a failure is exit reason 33.
GuestCheckResult check_guest_state(const Vmcs12& vmcs12, const Capabilities& offered,
                                   const GuestSurroundings& surroundings);

/// Proof that a vmcs12 passed; only `Checker` makes one, and merge asks for it.
class CheckedVmcs12 {
  public:
    const Vmcs12& get() const { return *vmcs12_; }
    const Vmcs12* operator->() const { return vmcs12_; }

  private:
    friend class Checker;
    explicit CheckedVmcs12(const Vmcs12& vmcs12) : vmcs12_(&vmcs12) {}
    const Vmcs12* vmcs12_;
};

/// Runs checks of controls and host state: at least those that could have another answer than at the last
/// proof of this vmcs12, because L1 has written fields that they look at, or is in another mode.
class Checker {
  public:
    /// A proof that still holds: L1 has written nothing since.
    static std::optional<CheckedVmcs12> still_checked(const Vmcs12& vmcs12, L1Mode mode) {
        if (vmcs12.checked_in(mode)) return CheckedVmcs12{vmcs12};
        return std::nullopt;
    }
    /// `failure` says what was wrong if there is no proof.
    static std::optional<CheckedVmcs12> check(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                              CheckResult& failure, VmInstructionError& error) {
        if (const auto proof = still_checked(vmcs12, mode)) return proof;
        return check_changed(vmcs12, offered, mode, failure, error);
    }
    /// For a vmcs12 that has been checked and not changed since (Vmcs12::checked_in).
    static CheckedVmcs12 passed(const Vmcs12& vmcs12) { return CheckedVmcs12{vmcs12}; }
    /// Only what could have another answer.
    static std::optional<CheckedVmcs12> check_changed(Vmcs12& vmcs12, const Capabilities& offered,
                                                      L1Mode mode, CheckResult& failure,
                                                      VmInstructionError& error);
    /// Everything, and again next time.
    static std::optional<CheckedVmcs12> check_all(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                                  CheckResult& failure, VmInstructionError& error);
    /// Only what could have another answer, less what the processor finds just as well when it enters vmcs02:
    /// no Closure, the entry may yet be refused.
    static std::optional<CheckedVmcs12> check_for_processor(Vmcs12& vmcs12, const Capabilities& offered,
                                                            L1Mode mode, CheckResult& failure,
                                                            VmInstructionError& error);

  private:
    struct Task {
        const Capabilities& offered;
        L1Mode mode;
        u32 groups;
    };
    static std::optional<CheckedVmcs12> run(Vmcs12& vmcs12, const Task& task, CheckResult& failure,
                                            VmInstructionError& error);
};

}  // namespace kurma::vmx
