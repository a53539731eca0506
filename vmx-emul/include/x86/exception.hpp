// Exception vectors (SDM 3A 6.3.1) and the fault that an emulated instruction raises.
#pragma once

#include <ept/integer.hpp>

namespace kurma::x86 {

enum class Vector : u8 {
    divide_error = 0,
    debug = 1,
    nmi = 2,
    breakpoint = 3,
    overflow = 4,
    invalid_opcode = 6,
    double_fault = 8,
    invalid_tss = 10,
    segment_not_present = 11,
    stack_fault = 12,
    general_protection = 13,
    page_fault = 14,
    alignment_check = 17,
    machine_check = 18,
    virtualization = 20,
};

/// Exceptions have the vectors up to this one.
inline constexpr u8 last_exception_vector = 31;

/// Whether the processor pushes an error code with an exception (SDM 3A table 6-1). Control protection, of
/// processors with shadow stacks, is not among them: VM entry does not ask for its error code.
constexpr bool pushes_error_code(u8 vector) {
    const auto is = [vector](Vector v) { return vector == static_cast<u8>(v); };
    return is(Vector::double_fault) || is(Vector::invalid_tss) || is(Vector::segment_not_present) ||
           is(Vector::stack_fault) || is(Vector::general_protection) || is(Vector::page_fault) ||
           is(Vector::alignment_check);
}

/// A fault to deliver to whoever executed the instruction.
struct Fault {
    Vector vector{};
    u32 error_code = 0;
    /// CR2, meaningful for #PF only.
    u64 linear_address = 0;

    static constexpr Fault ve() { return {Vector::virtualization, 0, 0}; }
    static constexpr Fault ud() { return {Vector::invalid_opcode, 0, 0}; }
    static constexpr Fault gp(u32 error_code = 0) { return {Vector::general_protection, error_code, 0}; }
    static constexpr Fault ss(u32 error_code = 0) { return {Vector::stack_fault, error_code, 0}; }
    static constexpr Fault pf(u32 error_code, u64 linear) { return {Vector::page_fault, error_code, linear}; }

    constexpr bool has_error_code() const { return pushes_error_code(static_cast<u8>(vector)); }
    constexpr bool operator==(const Fault&) const = default;
};

namespace page_fault_error {
inline constexpr u32 present = 1u << 0;
inline constexpr u32 write = 1u << 1;
inline constexpr u32 user = 1u << 2;
inline constexpr u32 reserved = 1u << 3;
}  // namespace page_fault_error

}  // namespace kurma::x86
