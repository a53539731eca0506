// The launch state of a VMCS, and what the blocking by MOV SS does to an entry.
#include "sweeps/instructions/instructions.hpp"

namespace conformance::instructions {
namespace {

// A success leaves the last error where it was.
void error_stays() {
    fresh(&l2_finish);
    instruction(Text("error-made"), [] { return vmread_flags(no_field); });
    instruction(Text("success-after-it"), [] { return vmread_flags(field::guest_rip.encoding); });
    print_case(topic, Text("error-stays"), Text(vmread(field::vm_instruction_error)));
}

void enter_once(const char* name, Vcpu& vcpu, bool as_launched) {
    vcpu.launched = as_launched;
    print_entry(topic, Text(name), vcpu, without_state);
}

void load(const Page& page) {
    if (!vmptrld(page.address()).succeeded()) give_up("VMPTRLD failed");
}

// SDM 3C 25.1: clear, launched, and what moves a VMCS from one to the other.
void launch_states() {
    Vcpu& vcpu = fresh(&l2_finish);
    enter_once("resume-of-clear", vcpu, true);
    enter_once("launch-of-clear", vcpu, false);
    enter_once("launch-of-launched", vcpu, false);
    enter_once("resume-of-launched", vcpu, true);
    prepare_regions();
    load(region);
    vcpu.make_current();
    enter_once("resume-after-another-vmcs", vcpu, true);
    if (!vmclear(vcpu.region.address()).succeeded()) give_up("VMCLEAR failed");
    vcpu.make_current();
    enter_once("resume-after-vmclear", vcpu, true);
    vmwrite(field::guest_rflags, 0);
    enter_once("launch-that-fails-late", vcpu, false);
    enter_once("resume-after-it", vcpu, true);
    vmwrite(field::guest_rflags, rflags_reserved1);
    vmwrite(field::cr3_target_count, 99);
    enter_once("launch-that-fails-early", vcpu, false);
    vmwrite(field::cr3_target_count, 0);
    enter_once("launch-after-failures", vcpu, false);
    vmwrite(field::guest_rflags, 0);
    enter_once("resume-that-fails-late", vcpu, true);
    vmwrite(field::guest_rflags, rflags_reserved1);
    enter_once("resume-after-a-late-failure", vcpu, true);
    enter_once("launch-after-a-late-failure", vcpu, false);
}

// Error 26, against the other errors that the same entry deserves.
void behind_mov_ss() {
    fresh(&l2_finish);
    instruction(Text("launch-of-clear-after-mov-ss"), [] { return vmlaunch_after_mov_ss(); });
    instruction(Text("resume-of-clear-after-mov-ss"), [] { return vmresume_after_mov_ss(); });
    vmwrite(field::cr3_target_count, 99);
    instruction(Text("bad-launch-after-mov-ss"), [] { return vmlaunch_after_mov_ss(); });
    instruction(Text("bad-launch-after-sti"), [] { return vmlaunch_after_sti(); });
    vmwrite(field::cr3_target_count, 0);
    enter_once("launch-with-nothing-before", the_vcpu(), false);
    instruction(Text("launch-of-launched-after-mov-ss"), [] { return vmlaunch_after_mov_ss(); });
    instruction(Text("resume-of-launched-after-mov-ss"), [] { return vmresume_after_mov_ss(); });
}

}  // namespace

void launch_cases() {
    error_stays();
    launch_states();
    behind_mov_ss();
}

}  // namespace conformance::instructions
