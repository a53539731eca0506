// Exit reasons (SDM 3D appendix C; 3C 25.9.1).
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vmx/exit.hpp>

namespace kurma::vmx {
namespace {

const std::map<u16, std::string> appendix_c{{0, "exception_or_nmi"},
                                            {1, "external_interrupt"},
                                            {2, "triple_fault"},
                                            {3, "init_signal"},
                                            {4, "sipi"},
                                            {5, "io_smi"},
                                            {6, "other_smi"},
                                            {7, "interrupt_window"},
                                            {8, "nmi_window"},
                                            {9, "task_switch"},
                                            {10, "cpuid"},
                                            {11, "getsec"},
                                            {12, "hlt"},
                                            {13, "invd"},
                                            {14, "invlpg"},
                                            {15, "rdpmc"},
                                            {16, "rdtsc"},
                                            {17, "rsm"},
                                            {18, "vmcall"},
                                            {19, "vmclear"},
                                            {20, "vmlaunch"},
                                            {21, "vmptrld"},
                                            {22, "vmptrst"},
                                            {23, "vmread"},
                                            {24, "vmresume"},
                                            {25, "vmwrite"},
                                            {26, "vmxoff"},
                                            {27, "vmxon"},
                                            {28, "cr_access"},
                                            {29, "mov_dr"},
                                            {30, "io_instruction"},
                                            {31, "rdmsr"},
                                            {32, "wrmsr"},
                                            {33, "invalid_guest_state"},
                                            {34, "msr_loading"},
                                            {36, "mwait"},
                                            {37, "monitor_trap_flag"},
                                            {39, "monitor"},
                                            {40, "pause"},
                                            {41, "machine_check_on_entry"},
                                            {43, "tpr_below_threshold"},
                                            {44, "apic_access"},
                                            {45, "virtualized_eoi"},
                                            {46, "gdtr_idtr_access"},
                                            {47, "ldtr_tr_access"},
                                            {48, "ept_violation"},
                                            {49, "ept_misconfiguration"},
                                            {50, "invept"},
                                            {51, "rdtscp"},
                                            {52, "preemption_timer"},
                                            {53, "invvpid"},
                                            {54, "wbinvd"},
                                            {55, "xsetbv"},
                                            {56, "apic_write"},
                                            {57, "rdrand"},
                                            {58, "invpcid"},
                                            {59, "vmfunc"},
                                            {60, "encls"},
                                            {61, "rdseed"},
                                            {62, "pml_full"},
                                            {63, "xsaves"},
                                            {64, "xrstors"}};

TEST(Reason, names_and_numbers_are_those_of_appendix_c) {
    for (unsigned number = 0; number < 0x1'0000; ++number) {
        const auto named = appendix_c.find(static_cast<u16>(number));
        ASSERT_EQ(name_of(static_cast<Reason>(number)),
                  named == appendix_c.end() ? std::string{"unnamed"} : named->second)
            << number;
    }
}

TEST(Reason, every_named_one_has_a_counter_of_its_own) {
    EXPECT_GT(reason_count, appendix_c.rbegin()->first);
}

TEST(ExitReason, keeps_the_failure_of_an_entry_apart_from_the_basic_reason) {
    constexpr ExitReason failed{0x8000'0021};
    EXPECT_TRUE(failed.entry_failure());
    EXPECT_EQ(failed.basic(), Reason::invalid_guest_state);
    EXPECT_EQ(ExitReason::failed_entry(Reason::invalid_guest_state), failed);
    EXPECT_FALSE(ExitReason::of(Reason::invalid_guest_state).entry_failure());
    EXPECT_EQ(ExitReason::of(Reason::cpuid).raw, 10u);
}

TEST(ExitReason, takes_the_basic_reason_from_the_low_half_alone) {
    EXPECT_EQ(ExitReason{0x0800'0030}.basic(), Reason::ept_violation);
}

}  // namespace
}  // namespace kurma::vmx
