// What a test case is and what it may say. Every case starts right after VMXON, with no current VMCS, and may
// leave any state behind.
#pragma once

#include "base/integer.hpp"
#include "cpu/traps.hpp"
#include "vcpu/vcpu.hpp"

namespace micro {

using namespace kit;

// Collects what a case finds; only the first disagreement is kept, with the place it was found in.
class Report {
  public:
    // Names the form, field or step that the following expectations are about.
    void about(const char* place) { place_ = place; }
    void expect(const char* what, u64 expected, u64 got);
    void expect(const char* what, bool holds) { expect(what, 1, holds ? 1 : 0); }
    void skip(const char* why) { skipped_ = why; }

    // RFLAGS after a VMX instruction: one of the three outcomes of SDM 3C 31.2, every other arithmetic flag
    // clear.
    void expect_success(u64 rflags);
    void expect_fail_invalid(u64 rflags);
    void expect_fail_valid(u64 rflags, u32 error);
    void expect_fault(const Fault& fault, u64 vector, u64 error_code);
    void expect_exit(const Exit& exit, u32 reason);

    bool failed() const { return failed_; }
    const char* skipped() const { return skipped_; }
    void print_failure() const;

  private:
    bool failed_ = false;
    const char* skipped_ = nullptr;
    const char* place_ = "";
    const char* failed_place_ = "";
    const char* what_ = "";
    u64 expected_ = 0, got_ = 0;
};

struct TestCase {
    const char* name;
    void (*run)(Report&);
    bool ends_run = false;  // not part of mode=tests: the machine does not survive it
};

struct Topic {
    const TestCase* cases;
    usize count;
};

extern const Topic capability_tests, operand_tests, fault_tests, error_tests, vmcs_tests, entry_tests,
    run_tests, event_tests, ept_tests, state_tests, control_tests, bitmap_tests, bitmap_table_tests,
    kurma_tests, knob_tests, hostile_tests;

template <usize count>
constexpr Topic topic(const TestCase (&cases)[count]) {
    return {cases, count};
}

void list_tests();
void run_all_tests();
void run_test(const char* name);

// Fresh vcpus for the cases. `other` differs in everything but its code.
Vcpu& test_vcpu();
Vcpu& other_vcpu();

}  // namespace micro
