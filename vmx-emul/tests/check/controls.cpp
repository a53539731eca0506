// Checks of control fields (SDM 3C 27.2.1), each violated alone.
#include <gtest/gtest.h>

#include <functional>

#include "../../testing/outcomes.hpp"
#include "../../testing/vmcs12_builder.hpp"

namespace kurma::vmx {

namespace {

using namespace field;
using testing::bits;
using testing::valid_vmcs12;

const Capabilities offered = offer(testing::skylake(), Policy{});

constexpr u64 beyond_width = u64{1} << 40;

/// Changes the valid vmcs12 in one way, and checks it.
CheckResult after(const std::function<void(Vmcs12&)>& change) {
    Vmcs12 v = valid_vmcs12(offered);
    change(v);
    return check_controls(v, offered);
}

template <class Control, class Bit>
void set_bit(Vmcs12& v, Control control, Bit bit) {
    v.set(control, v.get(control).with(bit));
}
template <class Control, class Bit>
void clear_bit(Vmcs12& v, Control control, Bit bit) {
    v.set(control, v.get(control).without(bit));
}

CheckResult violates(CheckId id, u64 value) { return {id, value}; }
const CheckResult passes{};

TEST(CheckControls, the_builders_vmcs12_passes) {
    EXPECT_EQ(check_controls(valid_vmcs12(offered), offered), passes);
    EXPECT_EQ(check_controls(testing::valid_32_bit_vmcs12(offered), offered), passes);
}

// Sweeps every bit of a word: where the capability MSR fixes it, flipping it fails (SDM 3D A.3 to A.5).
template <class Control>
void sweep(Control control, CheckId id, AllowedSettings allowed) {
    const u32 must = static_cast<u32>(allowed.raw), may = static_cast<u32>(allowed.raw >> 32);
    for (unsigned bit = 0; bit < 32; ++bit) {
        Vmcs12 v = valid_vmcs12(offered);
        const u32 mask = 1u << bit;
        const u32 word = v.get(control).raw ^ mask;
        v.set(control, {word});
        const CheckResult result = check_controls(v, offered);
        const bool breaks = (must & mask) != 0 || (may & mask) == 0;
        if (breaks) {
            EXPECT_EQ(result, violates(id, word)) << "bit " << bit;
        } else {
            EXPECT_NE(result.failed, id) << "bit " << bit;
        }
    }
}

TEST(CheckControls, pin_based_controls_keep_to_the_capability_msr) {
    sweep(pin_controls, CheckId::pin_reserved, offered.true_pin);
}
TEST(CheckControls, primary_controls_keep_to_the_capability_msr) {
    sweep(primary_controls, CheckId::primary_reserved, offered.true_primary);
}
TEST(CheckControls, secondary_controls_keep_to_the_capability_msr) {
    sweep(secondary_controls, CheckId::secondary_reserved, offered.secondary);
}
TEST(CheckControls, exit_controls_keep_to_the_capability_msr) {
    sweep(exit_controls, CheckId::exit_reserved, offered.true_exit);
}
TEST(CheckControls, entry_controls_keep_to_the_capability_msr) {
    sweep(entry_controls, CheckId::entry_reserved, offered.true_entry);
}

TEST(CheckControls, secondary_controls_do_not_matter_unless_activated) {
    EXPECT_EQ(after([](Vmcs12& v) {
                  clear_bit(v, primary_controls, Primary::activate_secondary_controls);
                  v.set(secondary_controls, {~u32{0}});
                  v.set(eptp, Eptp{~u64{0}});
                  v.set(vpid, 0);
              }),
              passes);
}

// A processor without the TRUE capability MSRs keeps CR3 exiting at 1 (SDM 3D A.3.2).
TEST(CheckControls, without_true_controls_the_default1_class_stays_1) {
    Capabilities old = offered;
    old.basic &= ~(u64{1} << 55);
    Vmcs12 v = valid_vmcs12(offered);
    const u32 primary = v.get(primary_controls).raw;
    EXPECT_EQ(check_controls(v, old), violates(CheckId::primary_reserved, primary));
    v.set(primary_controls, {primary | testing::default1::primary});
    v.set(exit_controls, {v.get(exit_controls).raw | testing::default1::exit});
    v.set(entry_controls, {v.get(entry_controls).raw | testing::default1::entry});
    EXPECT_EQ(check_controls(v, old), passes);
}

TEST(CheckControls, cr3_targets_are_as_many_as_the_processor_has) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(cr3_target_count, 4); }), passes);
    EXPECT_EQ(after([](Vmcs12& v) { v.set(cr3_target_count, 5); }), violates(CheckId::cr3_target_count, 5));
    EXPECT_EQ(after([](Vmcs12& v) { v.set(cr3_target_count, ~u32{0}); }),
              violates(CheckId::cr3_target_count, ~u32{0}));
}

/// An address field of a page: each of the low twelve bits, and each bit beyond the width.
template <class Address>
void sweep_page_address(Address address, CheckId id, const std::function<void(Vmcs12&)>& prepare,
                        const std::function<void(Vmcs12&)>& switch_off) {
    const auto with = [&](u64 value) {
        return after([&](Vmcs12& v) {
            prepare(v);
            v.set(address, value);
        });
    };
    EXPECT_EQ(with(beyond_width - 0x1000), passes);
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        const u64 value = 0x5000 | u64{1} << bit;
        EXPECT_EQ(with(value), violates(id, value)) << "bit " << bit;
    }
    EXPECT_EQ(after([&](Vmcs12& v) {
                  prepare(v);
                  v.set(address, 1);
                  switch_off(v);
              }),
              passes)
        << "the address does not matter while its control is 0";
}

const auto nothing = [](Vmcs12&) {};

TEST(CheckControls, io_bitmap_addresses_are_page_addresses) {
    const auto off = [](Vmcs12& v) { clear_bit(v, primary_controls, Primary::use_io_bitmaps); };
    sweep_page_address(io_bitmap_a, CheckId::io_bitmap_a_address, nothing, off);
    sweep_page_address(io_bitmap_b, CheckId::io_bitmap_b_address, nothing, off);
}

TEST(CheckControls, the_msr_bitmap_address_is_a_page_address) {
    sweep_page_address(msr_bitmap, CheckId::msr_bitmap_address, nothing,
                       [](Vmcs12& v) { clear_bit(v, primary_controls, Primary::use_msr_bitmaps); });
}

TEST(CheckControls, the_virtual_apic_address_is_a_page_address) {
    sweep_page_address(virtual_apic_address, CheckId::virtual_apic_address, nothing,
                       [](Vmcs12& v) { clear_bit(v, primary_controls, Primary::use_tpr_shadow); });
}

TEST(CheckControls, the_apic_access_address_is_a_page_address) {
    sweep_page_address(
        apic_access_address, CheckId::apic_access_address,
        [](Vmcs12& v) { set_bit(v, secondary_controls, Secondary::virtualize_apic_accesses); },
        [](Vmcs12& v) { clear_bit(v, secondary_controls, Secondary::virtualize_apic_accesses); });
}

TEST(CheckControls, the_tpr_threshold_has_four_bits) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(tpr_threshold, 0xf); }), passes);
    for (unsigned bit = 4; bit < 32; ++bit) {
        const u32 value = 1u << bit;
        EXPECT_EQ(after([&](Vmcs12& v) { v.set(tpr_threshold, value); }),
                  violates(CheckId::tpr_threshold_reserved, value))
            << bit;
    }
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(tpr_threshold, ~u32{0});
                  clear_bit(v, primary_controls, Primary::use_tpr_shadow);
              }),
              passes);
}

TEST(CheckControls, virtual_nmis_need_nmi_exiting) {
    Vmcs12 v = valid_vmcs12(offered);
    clear_bit(v, pin_controls, Pin::nmi_exiting);
    EXPECT_EQ(check_controls(v, offered),
              violates(CheckId::nmi_exiting_for_virtual_nmis, v.get(pin_controls).raw));
    clear_bit(v, pin_controls, Pin::virtual_nmis);
    EXPECT_EQ(check_controls(v, offered), passes);
}

TEST(CheckControls, an_nmi_window_needs_virtual_nmis) {
    Vmcs12 v = valid_vmcs12(offered);
    set_bit(v, primary_controls, Primary::nmi_window_exiting);
    EXPECT_EQ(check_controls(v, offered), passes);
    clear_bit(v, pin_controls, Pin::virtual_nmis);
    EXPECT_EQ(check_controls(v, offered),
              violates(CheckId::virtual_nmis_for_nmi_window, v.get(primary_controls).raw));
}

TEST(CheckControls, x2apic_mode_needs_the_tpr_shadow_and_excludes_the_access_page) {
    Vmcs12 v = valid_vmcs12(offered);
    set_bit(v, secondary_controls, Secondary::virtualize_x2apic_mode);
    EXPECT_EQ(check_controls(v, offered), passes);
    Vmcs12 both = v;
    set_bit(both, secondary_controls, Secondary::virtualize_apic_accesses);
    EXPECT_EQ(check_controls(both, offered),
              violates(CheckId::x2apic_excludes_apic_access, both.get(secondary_controls).raw));
    clear_bit(v, primary_controls, Primary::use_tpr_shadow);
    EXPECT_EQ(check_controls(v, offered),
              violates(CheckId::tpr_shadow_for_x2apic, v.get(secondary_controls).raw));
}

TEST(CheckControls, virtual_interrupts_leave_the_tpr_threshold_alone) {
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(tpr_threshold, ~u32{0});
                  set_bit(v, secondary_controls, Secondary::virtual_interrupt_delivery);
              }),
              passes);
}

TEST(CheckControls, virtual_apic_registers_and_interrupts_need_the_tpr_shadow) {
    const auto check = [](Secondary bit, CheckId id) {
        Vmcs12 v = valid_vmcs12(offered);
        set_bit(v, secondary_controls, bit);
        EXPECT_EQ(check_controls(v, offered), passes);
        clear_bit(v, primary_controls, Primary::use_tpr_shadow);
        EXPECT_EQ(check_controls(v, offered), violates(id, v.get(secondary_controls).raw));
    };
    check(Secondary::apic_register_virtualization, CheckId::tpr_shadow_for_apic_registers);
    check(Secondary::virtual_interrupt_delivery, CheckId::tpr_shadow_for_virtual_interrupts);
}

TEST(CheckControls, virtual_interrupts_need_external_interrupt_exiting) {
    Vmcs12 v = valid_vmcs12(offered);
    set_bit(v, secondary_controls, Secondary::virtual_interrupt_delivery);
    clear_bit(v, pin_controls, Pin::external_interrupt_exiting);
    EXPECT_EQ(check_controls(v, offered),
              violates(CheckId::interrupt_exiting_for_virtual_interrupts, v.get(pin_controls).raw));
    clear_bit(v, secondary_controls, Secondary::virtual_interrupt_delivery);
    EXPECT_EQ(check_controls(v, offered), passes);
}

TEST(CheckControls, a_vpid_in_use_is_not_zero) {
    EXPECT_EQ(after([](Vmcs12& v) { v.set(vpid, 0); }), violates(CheckId::vpid_zero, 0));
    EXPECT_EQ(after([](Vmcs12& v) { v.set(vpid, 0xffff); }), passes);
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(vpid, 0);
                  clear_bit(v, secondary_controls, Secondary::enable_vpid);
              }),
              passes);
}

TEST(CheckControls, the_ept_pointer_is_well_formed) {
    const auto with = [](u64 value) { return after([&](Vmcs12& v) { v.set(eptp, Eptp{value}); }); };
    constexpr u64 good = testing::sample::eptp;
    EXPECT_EQ(with(good | 1u << 6), passes) << "accessed and dirty flags are offered";
    for (u64 type = 0; type < 8; ++type) {
        const u64 value = (good & ~u64{7}) | type;
        const bool known = type == 0 || type == 6;
        EXPECT_EQ(with(value), known ? passes : violates(CheckId::eptp, value)) << "memory type " << type;
    }
    for (u64 length = 0; length < 8; ++length) {
        const u64 value = (good & ~u64{0x38}) | length << 3;
        EXPECT_EQ(with(value), length == 3 ? passes : violates(CheckId::eptp, value)) << "length " << length;
    }
    for (unsigned bit = 7; bit < 64; ++bit) {
        if (bit >= 12 && bit < 40) continue;
        EXPECT_EQ(with(good | u64{1} << bit), violates(CheckId::eptp, good | u64{1} << bit)) << "bit " << bit;
    }
}

TEST(CheckControls, the_ept_pointer_asks_for_no_flags_that_are_not_offered) {
    const Capabilities without_flags = offer(testing::sandy_bridge(), Policy{});
    Vmcs12 v = valid_vmcs12(without_flags);
    EXPECT_EQ(check_controls(v, without_flags), passes);
    v.set(eptp, Eptp{testing::sample::eptp | 1u << 6});
    EXPECT_EQ(check_controls(v, without_flags), violates(CheckId::eptp, testing::sample::eptp | 1u << 6));
}

TEST(CheckControls, unrestricted_guest_needs_ept) {
    Vmcs12 v = valid_vmcs12(offered);
    clear_bit(v, secondary_controls, Secondary::enable_ept);
    EXPECT_EQ(check_controls(v, offered),
              violates(CheckId::ept_for_unrestricted_guest, v.get(secondary_controls).raw));
    clear_bit(v, secondary_controls, Secondary::unrestricted_guest);
    v.set(eptp, Eptp{~u64{0}});
    EXPECT_EQ(check_controls(v, offered), passes) << "the EPT pointer does not matter while EPT is off";
}

/// Without EPT and what else needs it.
void without_ept(Vmcs12& v) {
    clear_bit(v, secondary_controls, Secondary::enable_ept);
    clear_bit(v, secondary_controls, Secondary::unrestricted_guest);
}

TEST(CheckControls, the_log_of_page_modifications_needs_ept_and_a_page) {
    const auto log = [](Vmcs12& v) { set_bit(v, secondary_controls, Secondary::enable_pml); };
    sweep_page_address(pml_address, CheckId::pml_address, log,
                       [](Vmcs12& v) { clear_bit(v, secondary_controls, Secondary::enable_pml); });
    Vmcs12 v = valid_vmcs12(offered);
    log(v);
    without_ept(v);
    EXPECT_EQ(check_controls(v, offered), violates(CheckId::ept_for_pml, v.get(secondary_controls).raw));
}

const auto with_eptp_switching = [](Vmcs12& v) {
    set_bit(v, secondary_controls, Secondary::enable_vm_functions);
    v.set(vm_function_controls, 1);
};

TEST(CheckControls, vm_functions_keep_to_the_capability_msr) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        const u64 functions = u64{1} << bit;
        const auto allow = [&](Vmcs12& v) { v.set(vm_function_controls, functions); };
        EXPECT_EQ(after(allow), passes) << "nobody looks while VM functions are off";
        EXPECT_EQ(after([&](Vmcs12& v) {
                      allow(v);
                      set_bit(v, secondary_controls, Secondary::enable_vm_functions);
                  }),
                  bit == 0 ? passes : violates(CheckId::vm_function_reserved, functions))
            << bit;
    }
}

TEST(CheckControls, eptp_switching_needs_ept_and_a_list) {
    sweep_page_address(eptp_list_address, CheckId::eptp_list_address, with_eptp_switching,
                       [](Vmcs12& v) { v.set(vm_function_controls, 0); });
    Vmcs12 v = valid_vmcs12(offered);
    with_eptp_switching(v);
    without_ept(v);
    EXPECT_EQ(check_controls(v, offered),
              violates(CheckId::ept_for_eptp_switching, v.get(secondary_controls).raw));
}

TEST(CheckControls, vmcs_shadowing_needs_two_bitmaps) {
    const auto shadowing = [](Vmcs12& v) { set_bit(v, secondary_controls, Secondary::vmcs_shadowing); };
    const auto off = [](Vmcs12& v) { clear_bit(v, secondary_controls, Secondary::vmcs_shadowing); };
    sweep_page_address(vmread_bitmap, CheckId::vmread_bitmap_address, shadowing, off);
    sweep_page_address(vmwrite_bitmap, CheckId::vmwrite_bitmap_address, shadowing, off);
}

TEST(CheckControls, virtualization_exceptions_need_a_page) {
    sweep_page_address(
        ve_information_address, CheckId::ve_information_address,
        [](Vmcs12& v) { set_bit(v, secondary_controls, Secondary::ept_violation_ve); },
        [](Vmcs12& v) { clear_bit(v, secondary_controls, Secondary::ept_violation_ve); });
}

TEST(CheckControls, time_does_not_stand_still) {
    const auto scale = [](u64 multiplier) {
        return after([=](Vmcs12& v) {
            set_bit(v, secondary_controls, Secondary::use_tsc_scaling);
            v.set(tsc_multiplier, multiplier);
        });
    };
    EXPECT_EQ(scale(0), violates(CheckId::tsc_multiplier_zero, 0));
    EXPECT_EQ(scale(1), passes);
    EXPECT_EQ(scale(~u64{0}), passes);
    EXPECT_EQ(after([](Vmcs12& v) { v.set(tsc_multiplier, 0); }), passes);
}

TEST(CheckControls, saving_the_preemption_timer_needs_the_timer) {
    Vmcs12 v = valid_vmcs12(offered);
    set_bit(v, exit_controls, Exit::save_preemption_timer);
    EXPECT_EQ(check_controls(v, offered), violates(CheckId::timer_for_save_timer, v.get(exit_controls).raw));
    set_bit(v, pin_controls, Pin::preemption_timer);
    EXPECT_EQ(check_controls(v, offered), passes);
}

template <class Address, class Count>
void sweep_msr_area(Address address, Count count, CheckId id) {
    const auto with = [&](u64 at, u32 entries) {
        return after([&](Vmcs12& v) {
            v.set(address, at);
            v.set(count, entries);
        });
    };
    EXPECT_EQ(with(~u64{0}, 0), passes) << "no entries, no address";
    EXPECT_EQ(with(0x1'0010, 1), passes);
    for (unsigned bit = 0; bit < 4; ++bit)
        EXPECT_EQ(with(0x1'0000 | 1u << bit, 1), violates(id, 0x1'0000 | 1u << bit)) << "bit " << bit;
    for (unsigned bit = 40; bit < 64; ++bit)
        EXPECT_EQ(with(u64{1} << bit, 1), violates(id, u64{1} << bit)) << "bit " << bit;
    EXPECT_EQ(with(beyond_width - 32, 2), passes) << "the last byte is the last one there is";
    EXPECT_EQ(with(beyond_width - 32, 3), violates(id, beyond_width - 32));
    EXPECT_EQ(with(beyond_width - 16, ~u32{0}), violates(id, beyond_width - 16));
}

TEST(CheckControls, msr_areas_are_aligned_and_lie_within_memory_to_their_ends) {
    sweep_msr_area(exit_msr_store_address, exit_msr_store_count, CheckId::exit_msr_store_area);
    sweep_msr_area(exit_msr_load_address, exit_msr_load_count, CheckId::exit_msr_load_area);
    sweep_msr_area(entry_msr_load_address, entry_msr_load_count, CheckId::entry_msr_load_area);
}

// L1 is never in SMM (SDM 3C 27.2.1.3). The word must be allowed to get as far as that check.
TEST(CheckControls, no_entry_to_smm_and_no_end_of_dual_monitor_treatment) {
    for (const Entry bit : {Entry::entry_to_smm, Entry::deactivate_dual_monitor}) {
        Vmcs12 v = valid_vmcs12(offered);
        set_bit(v, entry_controls, bit);
        EXPECT_EQ(check_entry_to_smm(v), violates(CheckId::entry_to_smm, v.get(entry_controls).raw));
    }
}

// The manual fixes no order, but Kurma reports the first in its own list: checks.def.
TEST(CheckControls, of_two_violations_reports_the_one_that_the_list_has_first) {
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(vpid, 0);
                  v.set(msr_bitmap, 1);
              }),
              violates(CheckId::msr_bitmap_address, 1));
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(entry_controls, {0});
                  v.set(pin_controls, {0});
              }),
              violates(CheckId::pin_reserved, 0));
    EXPECT_EQ(after([](Vmcs12& v) {
                  v.set(entry_controls, {0});
                  v.set(exit_controls, {0});
              }),
              violates(CheckId::exit_reserved, 0));
}

}  // namespace
}  // namespace kurma::vmx
