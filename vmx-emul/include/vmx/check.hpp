// CHECK: may L1's vmcs12 enter?
//
// In:    vmcs12's image (controls and host state), what L1 is offered, L1's mode.
// Out:   nothing wrong, or the name of the first check that failed with the offending value.
// Never: reads hardware; looks at guest state that vmcs02 gets unchanged (the processor checks that when it
// enters). Laws:  Closure: a vmcs12 that passes with the offered capabilities merges to controls that pass
// with the host's. SDM:   3C 27.2 (controls and host state), 27.3.1.5 (link pointer).
#pragma once

#include <optional>
#include <vmx/capability.hpp>
#include <vmx/nested.hpp>
#include <vmx/outcome.hpp>

namespace kurma::vmx {

enum class CheckId : u8 {
    passed,
#define C(name, what) name,
#include <vmx/checks.def>
#undef C
};

constexpr const char* name_of(CheckId id) {
    switch (id) {
        case CheckId::passed: return "passed";
#define C(name, what)   \
    case CheckId::name: \
        return #name;
#include <vmx/checks.def>
#undef C
    }
    return "?";
}

/// What must hold, in words.
constexpr const char* rule_of(CheckId id) {
    switch (id) {
        case CheckId::passed: return "";
#define C(name, what)   \
    case CheckId::name: \
        return what;
#include <vmx/checks.def>
#undef C
    }
    return "?";
}

struct CheckResult {
    CheckId failed = CheckId::passed;
    u64 value = 0;

    constexpr bool passed() const { return failed == CheckId::passed; }
};

/// Control fields: a failure is VMfailValid(7).
CheckResult check_controls(const Vmcs12& vmcs12, const Capabilities& offered);
/// Host-state fields: a failure is VMfailValid(8).
CheckResult check_host_state(const Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode);
/// The VMCS link pointer: a failure is a failed entry with this exit qualification (SDM 3C 27.8).
inline constexpr u64 link_pointer_qualification = 4;
CheckResult check_link_pointer(u64 link_pointer, std::optional<u32> revision_there,
                               const Capabilities& offered);

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

/// Runs the checks of controls and host state, unless they passed and L1 has written neither since.
class Checker {
  public:
    /// `failure` says what was wrong if there is no proof.
    static std::optional<CheckedVmcs12> check(Vmcs12& vmcs12, const Capabilities& offered, L1Mode mode,
                                              CheckResult& failure, VmInstructionError& error);
};

}  // namespace kurma::vmx
