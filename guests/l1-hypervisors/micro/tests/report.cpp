#include "console/console.hpp"
#include "cpu/instructions.hpp"
#include "tests/test.hpp"

namespace micro {

using namespace kit;

void Report::expect(const char* what, u64 expected, u64 got) {
    if (expected == got || failed_) return;
    failed_ = true;
    failed_place_ = place_;
    what_ = what;
    expected_ = expected;
    got_ = got;
}

void Report::expect_success(u64 rflags) { expect("flags after success", 0, rflags & rflags_arithmetic); }
void Report::expect_fail_invalid(u64 rflags) {
    expect("flags after VMfailInvalid", rflags_cf, rflags & rflags_arithmetic);
}

void Report::expect_fail_valid(u64 rflags, u32 error) {
    expect("flags after VMfailValid", rflags_zf, rflags & rflags_arithmetic);
    if ((rflags & rflags_zf) != 0) expect("VM-instruction error", error, vmread(field::vm_instruction_error));
}

void Report::expect_fault(const Fault& fault, u64 vector, u64 error_code) {
    expect("a fault", fault.happened);
    expect("vector", vector, fault.vector);
    expect("error code", error_code, fault.error_code);
}

void Report::expect_exit(const Exit& exit, u32 reason) {
    expect("an exit, not a VMfail", exit.kind == Exit::Kind::exited);
    expect("exit reason", reason, exit.reason);
}

void Report::print_failure() const {
    print(failed_place_, *failed_place_ != 0 ? ": " : "", what_, " expected ", hex(expected_), " got ",
          hex(got_));
}

}  // namespace micro
