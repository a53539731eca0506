// What tests expect of instructions and checks, in the manual's numbers, and how failing tests print them.
#pragma once

#include <ostream>
#include <vmx/check.hpp>
#include <vmx/outcome.hpp>

namespace kurma::vmx {

inline void PrintTo(const CheckResult& result, std::ostream* out) {
    *out << name_of(result.failed) << " (value 0x" << std::hex << result.value << ")";
}
inline bool operator==(const CheckResult& a, const CheckResult& b) {
    return a.failed == b.failed && a.value == b.value;
}

inline void PrintTo(const InstrOutcome& outcome, std::ostream* out) {
    switch (outcome.kind) {
        case InstrOutcome::Kind::succeed: *out << "VMsucceed"; return;
        case InstrOutcome::Kind::fail_invalid: *out << "VMfailInvalid"; return;
        case InstrOutcome::Kind::fail_valid:
            *out << "VMfailValid(" << static_cast<int>(outcome.error) << ")";
            return;
        case InstrOutcome::Kind::enter_l2: *out << "enter L2"; return;
        case InstrOutcome::Kind::fault:
            *out << "fault " << static_cast<int>(outcome.fault.vector) << ", error code "
                 << outcome.fault.error_code << ", address 0x" << std::hex << outcome.fault.linear_address;
            return;
    }
}

namespace testing {

inline constexpr InstrOutcome vm_succeed{};
inline constexpr InstrOutcome vm_fail_invalid{InstrOutcome::Kind::fail_invalid, {}, {}};
inline constexpr InstrOutcome enter_l2{InstrOutcome::Kind::enter_l2, {}, {}};

/// By the number that SDM 3C table 31-1 gives.
constexpr InstrOutcome vm_fail_valid(unsigned number) {
    return {InstrOutcome::Kind::fail_valid, static_cast<VmInstructionError>(number), {}};
}
/// By the vector that SDM 3A table 6-1 gives.
constexpr InstrOutcome raises(unsigned vector, u32 error_code = 0, u64 address = 0) {
    return {InstrOutcome::Kind::fault,
            VmInstructionError::none,
            {static_cast<x86::Vector>(vector), error_code, address}};
}
inline constexpr InstrOutcome raises_ud = raises(6), raises_ss = raises(12), raises_gp = raises(13);

}  // namespace testing
}  // namespace kurma::vmx
