// Controls that must fit each other (SDM 3C 27.2.1.1 to 27.2.1.3); their reserved bits are the topic
// `controls`.
#include "cpu/instructions.hpp"
#include "sweeps/checks/starts.hpp"

namespace conformance::checks {
namespace {

void turn_on(Field word, u32 controls) { apply({{word, 0, controls}}); }
void turn_off(Field word, u32 controls) { apply({{word, controls, 0}}); }

void cr3_targets() {
    each_value(long_mode, "cr3-targets", field::cr3_target_count, {0, 1, 2, 3, 4, 5, 6, 255, bit(31)});
}

// Virtual NMIs need NMI exiting, and the NMI window needs virtual NMIs.
void nmi_controls() {
    for (u32 choice = 0; choice < 8; ++choice) {
        const u32 pins = ((choice & 1) != 0 ? pin::nmi : 0) | ((choice & 2) != 0 ? pin::virtual_nmis : 0);
        const bool window = (choice & 4) != 0;
        check(long_mode, Text("nmi", choice & 1, "-virtual", choice >> 1 & 1, "-window", choice >> 2), [=] {
            turn_on(field::pin_controls, pins);
            if (window) turn_on(field::primary_controls, primary::nmi_window);
        });
    }
}

void ept_pointer() {
    for (u64 type = 0; type < 8; ++type)
        check_edits(long_mode, Text("eptp-type-", type), {{field::eptp, 7, type}});
    for (u64 length = 0; length < 8; ++length)
        check_edits(long_mode, Text("eptp-walk-", length), {{field::eptp, 7 << 3, length << 3}});
    each_bit(long_mode, "eptp", field::eptp, 6, 11);
    each_bit(long_mode, "eptp", field::eptp, physical_width(), 63);
}

void what_needs_ept() {
    constexpr struct {
        const char* name;
        u32 controls;
    } secondaries[] = {{"nothing", 0},
                       {"unrestricted", secondary::unrestricted_guest},
                       {"page-log", secondary::page_log},
                       {"virtualization-exceptions", secondary::virtualization_exceptions},
                       {"vm-functions", secondary::vm_functions},
                       {"mode-based-execute", 1u << 22},
                       {"sub-page", 1u << 23}};
    for (const auto& s : secondaries)
        for (const bool with_ept : {true, false})
            check(long_mode, Text(s.name, with_ept ? "-with-ept" : "-without-ept"), [&] {
                turn_on(field::secondary_controls, s.controls);
                if (!with_ept) turn_off(field::secondary_controls, secondary::ept);
            });
    for (const bool with_ept : {true, false})
        check(long_mode, Text("eptp-switching", with_ept ? "-with-ept" : "-without-ept"), [&] {
            turn_on(field::secondary_controls, secondary::vm_functions);
            write_if_present(field::vm_function_controls, 1);
            if (!with_ept) turn_off(field::secondary_controls, secondary::ept);
        });
}

void vpids() {
    each_value(long_mode, "vpid", field::vpid, {0, 1, 2, 0x8000, 0xFFFF});
    check(long_mode, Text("vpid-0-off"), [] {
        turn_off(field::secondary_controls, secondary::vpid);
        vmwrite(field::vpid, 0);
    });
}

void tsc_scaling() {
    for (const u64 multiplier : {u64{0}, u64{1}, bit(48), ~u64{0}})
        for (const bool on : {true, false})
            check(long_mode, Text("tsc-multiplier-", hex(multiplier), on ? "" : "-off"), [=] {
                if (on) turn_on(field::secondary_controls, secondary::tsc_scaling);
                write_if_present(field::tsc_multiplier, multiplier);
            });
}

// "Save timer" without a timer; the timer alone is how every start runs.
void timer() {
    for (const bool has_timer : {true, false})
        for (const bool saves : {true, false})
            check(long_mode, Text("timer", u32{has_timer}, "-save", u32{saves}), [=] {
                if (!has_timer) turn_off(field::pin_controls, pin::preemption_timer);
                if (saves) turn_on(field::exit_controls, exit_control::save_preemption_timer);
            });
}

void smm() {
    for (const u32 controls : {entry_control::to_smm, entry_control::deactivate_dual_monitor,
                               entry_control::to_smm | entry_control::deactivate_dual_monitor})
        check(long_mode, Text("entry-smm-", hex(controls)),
              [=] { turn_on(field::entry_controls, controls); });
}

// The guest's mode against the host's (SDM 3C 27.2.4).
void address_spaces() {
    for (const bool host : {true, false})
        for (const bool guest : {true, false})
            check(long_mode, Text("host64-", u32{host}, "-guest64-", u32{guest}), [=] {
                if (!host) turn_off(field::exit_controls, exit_control::host_64bit);
                if (!guest) turn_off(field::entry_controls, entry_control::guest_64bit);
            });
}

}  // namespace

void control_checks() {
    cr3_targets();
    nmi_controls();
    ept_pointer();
    what_needs_ept();
    vpids();
    tsc_scaling();
    timer();
    smm();
    address_spaces();
}

}  // namespace conformance::checks
