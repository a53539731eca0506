// offer(): the truth table of what L1 sees of a processor.
#include <gtest/gtest.h>

#include <vmx/capability.hpp>
#include <vmx/nested.hpp>

#include "../testing/capability_sets.hpp"

namespace kurma::vmx {
namespace {

using testing::bits;
using testing::everything;
using testing::haswell;
using testing::sandy_bridge;

/// Controls whose state Kurma carries to L2. What is not here would need fields, or work, that it lacks.
constexpr u32 carried_pin =
    bits(Pin::external_interrupt_exiting, Pin::nmi_exiting, Pin::virtual_nmis, Pin::preemption_timer);
constexpr u32 carried_primary =
    bits(Primary::interrupt_window_exiting, Primary::use_tsc_offsetting, Primary::hlt_exiting,
         Primary::invlpg_exiting, Primary::mwait_exiting, Primary::rdpmc_exiting, Primary::rdtsc_exiting,
         Primary::cr3_load_exiting, Primary::cr3_store_exiting, Primary::cr8_load_exiting,
         Primary::cr8_store_exiting, Primary::use_tpr_shadow, Primary::nmi_window_exiting,
         Primary::mov_dr_exiting, Primary::unconditional_io_exiting, Primary::use_io_bitmaps,
         Primary::use_msr_bitmaps, Primary::monitor_trap_flag, Primary::monitor_exiting,
         Primary::pause_exiting, Primary::activate_secondary_controls);
constexpr u32 carried_secondary =
    bits(Secondary::virtualize_apic_accesses, Secondary::enable_ept, Secondary::descriptor_table_exiting,
         Secondary::enable_rdtscp, Secondary::virtualize_x2apic_mode, Secondary::enable_vpid,
         Secondary::wbinvd_exiting, Secondary::unrestricted_guest, Secondary::pause_loop_exiting,
         Secondary::rdrand_exiting, Secondary::enable_invpcid, Secondary::rdseed_exiting,
         Secondary::enable_xsaves, Secondary::apic_register_virtualization,
         Secondary::virtual_interrupt_delivery, Secondary::enable_vm_functions, Secondary::vmcs_shadowing,
         Secondary::enable_pml, Secondary::ept_violation_ve, Secondary::use_tsc_scaling);
constexpr u32 carried_exit =
    bits(Exit::save_debug_controls, Exit::host_address_space_size, Exit::acknowledge_interrupt_on_exit,
         Exit::save_pat, Exit::load_pat, Exit::save_efer, Exit::load_efer, Exit::save_preemption_timer);
constexpr u32 carried_entry =
    bits(Entry::load_debug_controls, Entry::ia32e_mode_guest, Entry::load_pat, Entry::load_efer);

/// Of a processor that lets every bit be 1, L1 is offered what is carried and what must be 1 anyway.
TEST(Offer, a_control_bit_that_kurma_does_not_carry_is_never_offered) {
    const Capabilities offered = offer(everything(), Policy{});
    EXPECT_EQ(offered.pin.may_be_one(), carried_pin | testing::default1::pin);
    EXPECT_EQ(offered.true_pin.may_be_one(), carried_pin | testing::default1::pin);
    EXPECT_EQ(offered.primary.may_be_one(), carried_primary | testing::default1::primary);
    EXPECT_EQ(offered.true_primary.may_be_one(), carried_primary | testing::default1::primary);
    EXPECT_EQ(offered.secondary.may_be_one(), carried_secondary);
    EXPECT_EQ(offered.exit.may_be_one(), carried_exit | testing::default1::exit);
    EXPECT_EQ(offered.true_exit.may_be_one(), carried_exit | testing::default1::exit);
    const u32 smm = bits(Entry::entry_to_smm, Entry::deactivate_dual_monitor);
    EXPECT_EQ(offered.entry.may_be_one() & ~smm, carried_entry | testing::default1::entry);
    EXPECT_EQ(offered.true_entry.may_be_one() & ~smm, carried_entry | testing::default1::entry);
}

TEST(Offer, what_must_be_1_on_the_processor_must_be_1_for_l1) {
    for (const Capabilities& host : {haswell(), sandy_bridge(), everything()}) {
        const Capabilities offered = offer(host, Policy{});
        EXPECT_EQ(offered.pin.must_be_one(), host.pin.must_be_one());
        EXPECT_EQ(offered.primary.must_be_one(), host.primary.must_be_one());
        EXPECT_EQ(offered.secondary.must_be_one(), host.secondary.must_be_one());
        EXPECT_EQ(offered.exit.must_be_one(), host.exit.must_be_one());
        EXPECT_EQ(offered.entry.must_be_one(), host.entry.must_be_one());
        EXPECT_EQ(offered.true_primary.must_be_one(), host.true_primary.must_be_one());
        EXPECT_EQ(offered.true_exit.must_be_one(), host.true_exit.must_be_one());
        EXPECT_EQ(offered.true_entry.must_be_one(), host.true_entry.must_be_one());
    }
}

/// SDM 3D A.3.1: a bit that must be 1 may be 1; the reverse would leave L1 no word to write.
void expect_consistent(const Capabilities& c) {
    for (const AllowedSettings settings : {c.pin, c.primary, c.secondary, c.exit, c.entry, c.true_pin,
                                           c.true_primary, c.true_exit, c.true_entry})
        EXPECT_EQ(settings.must_be_one() & ~settings.may_be_one(), 0u);
}

TEST(Offer, leaves_every_word_a_legal_value) {
    for (const Capabilities& host : {haswell(), sandy_bridge(), everything(), testing::first_generation()})
        for (unsigned knobs = 0; knobs < 8; ++knobs)
            expect_consistent(offer(host, {.offer_ept = (knobs & 1) != 0,
                                           .offer_vpid = (knobs & 2) != 0,
                                           .offer_unrestricted_guest = (knobs & 4) != 0}));
}

TEST(Offer, never_offers_what_the_processor_lacks) {
    for (const Capabilities& host : {haswell(), sandy_bridge(), testing::first_generation()}) {
        const Capabilities offered = offer(host, Policy{});
        EXPECT_EQ(offered.pin.may_be_one() & ~host.pin.may_be_one(), 0u);
        EXPECT_EQ(offered.primary.may_be_one() & ~host.primary.may_be_one(), 0u);
        EXPECT_EQ(offered.secondary.may_be_one() & ~host.secondary.may_be_one(), 0u);
        EXPECT_EQ(offered.exit.may_be_one() & ~host.exit.may_be_one(), 0u);
        EXPECT_EQ(offered.entry.may_be_one() & ~host.entry.may_be_one(), 0u);
        EXPECT_EQ(offered.ept_vpid & ~host.ept_vpid, 0u);
    }
}

TEST(Offer, hides_the_performance_counters_msr_switch_that_bochs_announces_and_lacks) {
    const Capabilities offered = offer(haswell(), Policy{});
    EXPECT_TRUE(haswell().may(Exit::load_perf_global_ctrl));
    EXPECT_FALSE(offered.may(Exit::load_perf_global_ctrl));
    EXPECT_FALSE(offered.may(Entry::load_perf_global_ctrl));
}

/// The eight settings of the three knobs, on a processor that has all three features.
struct Row {
    bool ept, vpid, unrestricted;
};

TEST(Offer, follows_the_truth_table_of_its_knobs) {
    for (const Row row :
         {Row{false, false, false}, Row{false, false, true}, Row{false, true, false}, Row{false, true, true},
          Row{true, false, false}, Row{true, false, true}, Row{true, true, false}, Row{true, true, true}}) {
        const Capabilities offered = offer(
            haswell(),
            {.offer_ept = row.ept, .offer_vpid = row.vpid, .offer_unrestricted_guest = row.unrestricted});
        EXPECT_EQ(offered.may(Secondary::enable_ept), row.ept);
        EXPECT_EQ(offered.may(Secondary::enable_vpid), row.vpid);
        EXPECT_EQ(offered.may(Secondary::unrestricted_guest), row.ept && row.unrestricted)
            << "unrestricted guest needs EPT (SDM 3C 27.2.1.1)";
        constexpr u64 invvpid_half = u64{0xffff'ffff} << 32;
        EXPECT_EQ((offered.ept_vpid & ~invvpid_half) != 0, row.ept);
        EXPECT_EQ((offered.ept_vpid & invvpid_half) != 0, row.vpid);
        EXPECT_TRUE(offered.may(Secondary::enable_rdtscp)) << "no knob is about RDTSCP";
    }
}

TEST(Offer, hides_what_stands_on_ept_with_it) {
    const Capabilities offered = offer(everything(), {.offer_ept = false});
    for (const Secondary control : {Secondary::enable_pml, Secondary::ept_violation_ve,
                                    Secondary::enable_vm_functions, Secondary::unrestricted_guest})
        EXPECT_FALSE(offered.may(control));
    EXPECT_EQ(offered.vmfunc, 0u);
}

TEST(Offer, has_a_knob_for_apic_virtualization_and_one_for_shadowing) {
    const Capabilities offered = offer(haswell(), {.offer_apicv = false, .offer_vmcs_shadowing = false});
    for (const Secondary control : {Secondary::apic_register_virtualization,
                                    Secondary::virtual_interrupt_delivery, Secondary::vmcs_shadowing})
        EXPECT_FALSE(offered.may(control));
    EXPECT_TRUE(offered.may(Secondary::enable_vm_functions));
}

TEST(Offer, allows_the_one_vm_function_that_kurma_performs) {
    EXPECT_EQ(offer(everything(), Policy{}).vmfunc, vm_function::eptp_switching);
}

// Bochs 2.7 has fields of features that a model lacks.
TEST(FieldsForL1, are_the_processors_less_those_of_hidden_features) {
    FieldSet of_processor;
    for (usize i = 0; i < field_count; ++i) of_processor.add(static_cast<FieldId>(i));
    const Capabilities host = haswell();
    const FieldSet fields = fields_for_l1(of_processor, host, offer(host, {.offer_apicv = false}));
    EXPECT_FALSE(host.may(Secondary::enable_pml));
    EXPECT_TRUE(fields.has(FieldId::pml_address)) << "the processor has the field, though not the feature";
    EXPECT_FALSE(fields.has(FieldId::guest_interrupt_status)) << "the feature is there, and hidden";
    EXPECT_TRUE(fields.has(FieldId::guest_rip));
    EXPECT_TRUE(fields_for_l1(FieldSet{}, host, offer(host, Policy{})).empty());
}

TEST(Offer, announces_the_ept_and_vpid_features_that_it_carries) {
    EXPECT_EQ(offer(haswell(), Policy{}).ept_vpid, haswell().ept_vpid);
    // All that SDM 3D A.10 defines and ept-compose and the emulation of INVEPT and INVVPID know.
    EXPECT_EQ(offer(everything(), Policy{}).ept_vpid, 0x0000'0f01'0633'4141u);
}

TEST(Offer, passes_on_what_is_no_control) {
    const Capabilities host = haswell();
    const Capabilities offered = offer(host, Policy{});
    EXPECT_EQ(offered.revision(), host.revision());
    EXPECT_EQ(offered.cr0_fixed0, host.cr0_fixed0);
    EXPECT_EQ(offered.cr0_fixed1, host.cr0_fixed1);
    EXPECT_EQ(offered.cr4_fixed0, host.cr4_fixed0);
    EXPECT_EQ(offered.cr4_fixed1, host.cr4_fixed1);
    EXPECT_EQ(offered.physical_address_width, host.physical_address_width);
    EXPECT_EQ(offered.cr3_targets(), host.cr3_targets());
}

TEST(Offer, serves_a_processor_without_secondary_controls) {
    const Capabilities offered = offer(testing::first_generation(), Policy{});
    EXPECT_FALSE(offered.has_secondary());
    EXPECT_EQ(offered.ept_vpid, 0u);
    EXPECT_FALSE(offered.exists(Exists::ept));
    EXPECT_FALSE(offered.exists(Exists::vpid));
}

}  // namespace
}  // namespace kurma::vmx
