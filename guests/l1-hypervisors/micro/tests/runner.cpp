// mode=tests, mode=test and mode=tests-list.
#include "base/memory.hpp"
#include "console/console.hpp"
#include "cpu/instructions.hpp"
#include "cpu/paging.hpp"
#include "cpu/power.hpp"
#include "tests/test.hpp"
#include "vmx/operation.hpp"

namespace micro {

using namespace kit;
namespace {

const Topic* const topics[] = {&capability_tests,   &operand_tests, &fault_tests,   &error_tests,
                               &vmcs_tests,         &entry_tests,   &run_tests,     &event_tests,
                               &ept_tests,          &state_tests,   &control_tests, &bitmap_tests,
                               &bitmap_table_tests, &kurma_tests,   &knob_tests,    &hostile_tests};

constinit Vcpu vcpus[2];

struct Tally {
    u64 passed = 0, failed = 0, skipped = 0;
};

bool in_vmx_operation() {
    u64 pointer = 0;
    return !guarded([&] { static_cast<void>(vmptrst(pointer)); }).happened;
}

// Whatever the last case did, the next one starts right after VMXON.
bool start_afresh() {
    disable_interrupts();
    if (in_vmx_operation()) leave_vmx_operation();
    return enter_vmx_operation();
}

void run_case(const TestCase& test, Tally& tally) {
    if (!start_afresh()) give_up("VMX operation cannot be entered again");
    Report report;
    const Fault fault = guarded([&] { test.run(report); });
    if (fault.happened) {
        report.expect("no exception outside the case's own guards, but vector", 0, fault.vector);
        report.expect("no exception, but at", 0, fault.rip);
    }
    print("test ", test.name, ": ");
    if (report.failed()) {
        ++tally.failed;
        print("FAIL ");
        report.print_failure();
    } else if (report.skipped() != nullptr) {
        ++tally.skipped;
        print("skip: ", report.skipped());
    } else {
        ++tally.passed;
        print("pass");
    }
    print("\n");
}

void print_tally(const Tally& tally) {
    print(tally.passed, " passed, ", tally.failed, " failed");
    if (tally.skipped != 0) print(", ", tally.skipped, " skipped");
    print("\n");
}

template <typename Action>
void for_each_case(Action action) {
    for (const Topic* topic : topics) {
        for (usize i = 0; i < topic->count; ++i) action(topic->cases[i]);
    }
}

}  // namespace

Vcpu& test_vcpu() { return vcpus[0]; }
Vcpu& other_vcpu() { return vcpus[1]; }

void list_tests() {
    for_each_case(
        [](const TestCase& test) { print(test.name, test.ends_run ? " (ends the run)" : "", "\n"); });
}

void run_all_tests() {
    window::open();
    Tally tally;
    for_each_case([&](const TestCase& test) {
        if (!test.ends_run) run_case(test, tally);
    });
    print_tally(tally);
}

void run_test(const char* name) {
    window::open();
    Tally tally;
    bool found = false;
    for_each_case([&](const TestCase& test) {
        if (!same_text(test.name, name)) return;
        found = true;
        run_case(test, tally);
    });
    if (!found) {
        ++tally.failed;
        print("micro: no case=", name, "; mode=tests-list lists them\n");
    }
    print_tally(tally);
}

}  // namespace micro
