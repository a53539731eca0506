// What a VMX instruction of L1 comes to (SDM 3C 31.2, 31.4). Error numbers are named once, here.
#pragma once

#include <x86/exception.hpp>

namespace kurma::vmx {

/// VM-instruction error numbers (SDM 3C 31.4, table 31-1).
enum class VmInstructionError : u8 {
    none = 0,
    vmcall_in_root = 1,
    vmclear_bad_address = 2,
    vmclear_vmxon_pointer = 3,
    vmlaunch_non_clear = 4,
    vmresume_non_launched = 5,
    entry_invalid_control = 7,
    entry_invalid_host_state = 8,
    vmptrld_bad_address = 9,
    vmptrld_vmxon_pointer = 10,
    vmptrld_wrong_revision = 11,
    unsupported_component = 12,
    vmwrite_read_only = 13,
    vmxon_in_root = 15,
    entry_mov_ss_blocking = 26,
    invalid_invept_operand = 28,
};

struct InstrOutcome {
    enum class Kind : u8 { succeed, fail_invalid, fail_valid, fault, enter_l2 };

    Kind kind = Kind::succeed;
    VmInstructionError error = VmInstructionError::none;
    x86::Fault fault{};

    static constexpr InstrOutcome succeed() { return {}; }
    static constexpr InstrOutcome fail_invalid() {
        return {Kind::fail_invalid, VmInstructionError::none, {}};
    }
    static constexpr InstrOutcome fail_valid(VmInstructionError error) {
        return {Kind::fail_valid, error, {}};
    }
    static constexpr InstrOutcome faulted(x86::Fault fault) {
        return {Kind::fault, VmInstructionError::none, fault};
    }
    static constexpr InstrOutcome enter_l2() { return {Kind::enter_l2, VmInstructionError::none, {}}; }
    constexpr bool operator==(const InstrOutcome&) const = default;
};

}  // namespace kurma::vmx
