// The lists of MSRs that VM entries and exits load and store (SDM 3C 27.4, 28.4, 28.6).
//
// Left out: what makes an exit's load or store fail, as that is a VM abort, which ends the bare machine; and
// the time-stamp counter, whose value nothing here may depend on.
#include "base/memory.hpp"
#include "cpu/instructions.hpp"
#include "sweeps/furnished.hpp"
#include "sweeps/sweep.hpp"

namespace conformance {
namespace {

constexpr const char* topic = "msr_areas";

struct Entry {
    u32 number, reserved;
    u64 value;
};
static_assert(sizeof(Entry) == 16);

constexpr u64 longest = 512;  // what every processor takes (SDM 3D A.6)
alignas(16) Entry entry_list[longest], store_list[longest], exit_list[longest];

constexpr u32 msr_pat = 0x277, msr_debugctl = 0x1D9, msr_tsc_aux = 0xC0000103, msr_lstar = 0xC0000082,
              msr_cstar = 0xC0000083, msr_fmask = 0xC0000084, msr_apic_base = 0x1B, msr_mtrr_def_type = 0x2FF,
              msr_misc_enable = 0x1A0;
constexpr u64 non_canonical = u64{1} << 62, one_value = 0x1234, another_value = 0x5678, marker = 0xA5A5A5A5;
constexpr Entry harmless = {msr_kernel_gs_base, 0, one_value};

u64 read_or_zero(u32 number) {
    u64 value = 0;
    static_cast<void>(guarded([&] { value = rdmsr(number); }));
    return value;
}

// MSRs that cases load; they are put back after each.
constexpr u32 kept_msrs[] = {msr_kernel_gs_base, msr_star,         msr_lstar,        msr_cstar,  msr_fmask,
                             msr_sysenter_cs,    msr_sysenter_esp, msr_sysenter_eip, msr_pat,    msr_efer,
                             msr_fs_base,        msr_gs_base,      msr_debugctl,     msr_tsc_aux};

class KeptMsrs {
  public:
    KeptMsrs() {
        for (usize i = 0; i < count; ++i)
            is_there_[i] = !guarded([&] { values_[i] = rdmsr(kept_msrs[i]); }).happened;
    }
    void restore() const {
        for (usize i = 0; i < count; ++i)
            if (is_there_[i]) static_cast<void>(guarded([&] { wrmsr(kept_msrs[i], values_[i]); }));
    }

  private:
    static constexpr usize count = sizeof kept_msrs / sizeof *kept_msrs;
    u64 values_[count] = {};
    bool is_there_[count] = {};
};

Vcpu& build(u64 entry_count, u64 store_count, u64 exit_count) {
    Vcpu& vcpu = fresh(&l2_finish);
    vmwrite(field::entry_msr_load_address, address_of(entry_list));
    vmwrite(field::exit_msr_store_address, address_of(store_list));
    vmwrite(field::exit_msr_load_address, address_of(exit_list));
    vmwrite(field::entry_msr_load_count, entry_count);
    vmwrite(field::exit_msr_store_count, store_count);
    vmwrite(field::exit_msr_load_count, exit_count);
    return vcpu;
}

// Enters, and tells the MSR that the case is about as it is then in L1.
void enter_and_tell(const Text& name, Vcpu& vcpu, u32 number) {
    const KeptMsrs kept;
    Text text = words(enter(vcpu), without_state);
    u64 now = 0;
    const bool readable = !guarded([&] { now = rdmsr(number); }).happened;
    kept.restore();
    if (readable) text.append(" now=", hex(now));
    print_case(topic, name, text);
}

// Alone in its list, and behind two that are harmless: the exit qualification is the entry's number.
void load_at_entry(const Text& name, const Entry& entry) {
    entry_list[0] = entry;
    enter_and_tell(Text("load-", name), build(1, 0, 0), entry.number);
    entry_list[0] = entry_list[1] = harmless;
    entry_list[2] = entry;
    enter_and_tell(Text("load-", name, "-third"), build(3, 0, 0), entry.number);
}

struct NamedMsr {
    const char* name;
    u32 number;
};

// Loaded with the value that they have.
void loads_of_own_value() {
    constexpr NamedMsr msrs[] = {{"kernel-gs-base", msr_kernel_gs_base},
                                 {"star", msr_star},
                                 {"lstar", msr_lstar},
                                 {"cstar", msr_cstar},
                                 {"fmask", msr_fmask},
                                 {"sysenter-cs", msr_sysenter_cs},
                                 {"sysenter-esp", msr_sysenter_esp},
                                 {"sysenter-eip", msr_sysenter_eip},
                                 {"pat", msr_pat},
                                 {"efer", msr_efer},
                                 {"debugctl", msr_debugctl},
                                 {"tsc-aux", msr_tsc_aux},
                                 {"fs-base", msr_fs_base},
                                 {"gs-base", msr_gs_base},
                                 {"feature-control", msr_feature_control},
                                 {"vmx-basic", vmx_msr::basic},
                                 {"apic-base", msr_apic_base},
                                 {"mtrr-def-type", msr_mtrr_def_type},
                                 {"misc-enable", msr_misc_enable},
                                 {"smm-monitor-ctl", 0x9B},
                                 {"smbase", 0x9E},
                                 {"bios-update-trigger", 0x79},
                                 {"bios-update-signature", 0x8B},
                                 {"perf-global-ctrl", 0x38F},
                                 {"no-msr", 0x12345},
                                 {"no-high-msr", 0xC0001234},
                                 {"ones", 0xFFFFFFFF},
                                 {"below-x2apic", 0x7FF},
                                 {"x2apic-0x800", 0x800},
                                 {"x2apic-id", 0x802},
                                 {"x2apic-tpr", 0x808},
                                 {"x2apic-last", 0x8FF},
                                 {"above-x2apic", 0x900}};
    for (const NamedMsr& msr : msrs) load_at_entry(Text(msr.name), {msr.number, 0, read_or_zero(msr.number)});
}

void loads_of_other_values() {
    constexpr struct {
        const char* name;
        u32 number;
        u64 value;
    } loads[] = {{"kernel-gs-base-other", msr_kernel_gs_base, one_value},
                 {"kernel-gs-base-high-half", msr_kernel_gs_base, 0xFFFF800000000000},
                 {"kernel-gs-base-not-canonical", msr_kernel_gs_base, non_canonical},
                 {"lstar-not-canonical", msr_lstar, non_canonical},
                 {"cstar-not-canonical", msr_cstar, non_canonical},
                 {"star-ones", msr_star, ~u64{0}},
                 {"fmask-ones", msr_fmask, ~u64{0}},
                 {"fmask-low-ones", msr_fmask, 0xFFFFFFFF},
                 {"sysenter-esp-not-canonical", msr_sysenter_esp, non_canonical},
                 {"sysenter-eip-not-canonical", msr_sysenter_eip, non_canonical},
                 {"sysenter-esp-other", msr_sysenter_esp, one_value},
                 {"pat-type-2", msr_pat, 2},
                 {"pat-zero", msr_pat, 0},
                 {"efer-zero", msr_efer, 0},
                 {"efer-reserved-bit", msr_efer, bit(1) | bit(8) | bit(10)},
                 {"efer-without-lme", msr_efer, bit(10)},
                 {"efer-with-syscall", msr_efer, bit(0) | bit(8) | bit(10)},
                 {"debugctl-reserved", msr_debugctl, ~u64{0}},
                 {"tsc-aux-other", msr_tsc_aux, one_value},
                 {"tsc-aux-high", msr_tsc_aux, bit(40)}};
    for (const auto& load : loads) load_at_entry(Text(load.name), {load.number, 0, load.value});
}

void reserved_half() {
    for (unsigned number = 0; number < 32; ++number)
        load_at_entry(Text("reserved-bit-", number + 32),
                      {msr_kernel_gs_base, static_cast<u32>(bit(number)), one_value});
}

void counts() {
    for (const u64 count : {u64{0}, u64{1}, u64{2}, u64{255}, u64{256}, longest}) {
        for (u64 i = 0; i < longest; ++i) entry_list[i] = {msr_kernel_gs_base, 0, one_value + i};
        enter_and_tell(Text("load-count-", count), build(count, 0, 0), msr_kernel_gs_base);
        if (count == 0) continue;
        entry_list[count - 1].number = msr_fs_base;
        enter_and_tell(Text("load-count-", count, "-last-fails"), build(count, 0, 0), msr_kernel_gs_base);
    }
}

// The first that fails counts, and what stood before it has been loaded.
void several_that_fail() {
    entry_list[0] = harmless;
    entry_list[1] = {msr_fs_base, 0, 0};
    entry_list[2] = {msr_kernel_gs_base, 0, another_value};
    entry_list[3] = {msr_gs_base, 0, 0};
    enter_and_tell(Text("load-second-and-fourth-fail"), build(4, 0, 0), msr_kernel_gs_base);
}

void store(const NamedMsr& msr) {
    store_list[0] = {msr.number, 0, marker};
    const KeptMsrs kept;
    Text text = words(enter(build(0, 1, 0)), without_state);
    kept.restore();
    text.append(" number=", hex(store_list[0].number), " value=", hex(store_list[0].value));
    print_case(topic, Text("store-", msr.name), text);
}

void stores() {
    constexpr NamedMsr msrs[] = {{"kernel-gs-base", msr_kernel_gs_base},
                                 {"fs-base", msr_fs_base},
                                 {"gs-base", msr_gs_base},
                                 {"efer", msr_efer},
                                 {"pat", msr_pat},
                                 {"star", msr_star},
                                 {"lstar", msr_lstar},
                                 {"fmask", msr_fmask},
                                 {"sysenter-cs", msr_sysenter_cs},
                                 {"sysenter-esp", msr_sysenter_esp},
                                 {"apic-base", msr_apic_base},
                                 {"feature-control", msr_feature_control},
                                 {"vmx-basic", vmx_msr::basic},
                                 {"vmx-true-entry", vmx_msr::true_entry},
                                 {"mtrr-def-type", msr_mtrr_def_type}};
    for (const NamedMsr& msr : msrs) store(msr);
}

void several_stores() {
    for (const u64 count : {u64{1}, u64{2}, u64{256}, longest}) {
        for (u64 i = 0; i < longest; ++i) store_list[i] = {msr_kernel_gs_base, 0, marker};
        entry_list[0] = harmless;
        Text text = words(enter(build(1, count, 0)), without_state);
        u64 stored = 0;
        for (const Entry& each : store_list) stored += each.value == one_value ? 1 : 0;
        text.append(" stored=", stored);
        print_case(topic, Text("store-count-", count), text);
    }
}

void load_at_exit(const char* name, u32 number, u64 value) {
    exit_list[0] = {number, 0, value};
    enter_and_tell(Text("exit-load-", name), build(0, 0, 1), number);
}

void loads_at_exit() {
    load_at_exit("kernel-gs-base", msr_kernel_gs_base, another_value);
    load_at_exit("star", msr_star, another_value);
    load_at_exit("lstar", msr_lstar, another_value);
    load_at_exit("fmask", msr_fmask, another_value);
    load_at_exit("sysenter-cs", msr_sysenter_cs, 8);
    load_at_exit("sysenter-esp", msr_sysenter_esp, another_value);
    load_at_exit("pat", msr_pat, 0x0606060606060606);
    load_at_exit("efer-with-syscall", msr_efer, rdmsr(msr_efer) | bit(0));
    for (const u64 count : {u64{1}, u64{2}, u64{256}, longest}) {
        for (u64 i = 0; i < longest; ++i) exit_list[i] = {msr_kernel_gs_base, 0, another_value + i};
        enter_and_tell(Text("exit-load-count-", count), build(0, 0, count), msr_kernel_gs_base);
    }
}

// All three lists with one MSR, at entries that succeed, fail in guest state (33), and fail in the list (34).
// An entry that fails stores nothing, and loads the exit's list (SDM 3C 27.8).
void all_lists_together() {
    constexpr struct {
        const char* name;
        bool bad_state, bad_list;
    } ways[] = {{"succeeds", false, false}, {"bad-state", true, false}, {"bad-list", false, true}};
    for (const auto& way : ways)
        for (const bool with_exit_list : {false, true}) {
            entry_list[0] = harmless;
            entry_list[1] = way.bad_list ? Entry{msr_fs_base, 0, 0} : harmless;
            store_list[0] = {msr_kernel_gs_base, 0, marker};
            exit_list[0] = {msr_kernel_gs_base, 0, another_value};
            Vcpu& vcpu = build(2, 1, with_exit_list ? 1 : 0);
            if (way.bad_state) vmwrite(field::guest_rflags, 0);
            const Text name("together-", way.name, with_exit_list ? "-exit-list" : "");
            enter_and_tell(name, vcpu, msr_kernel_gs_base);
            print_case(topic, Text(name, "-stored"), Text(hex(store_list[0].value)));
        }
}

// One list in the role of another: what the exit stores is what the next entry loads.
void shared_lists() {
    entry_list[0] = harmless;
    Vcpu& vcpu = build(1, 1, 0);
    vmwrite(field::exit_msr_store_address, address_of(entry_list));
    enter_and_tell(Text("shared-first"), vcpu, msr_kernel_gs_base);
    wrmsr(msr_kernel_gs_base, 0);
    enter_and_tell(Text("shared-second"), vcpu, msr_kernel_gs_base);
    print_case(topic, Text("shared-list"), Text(hex(entry_list[0].value)));
}

}  // namespace

void sweep_msr_areas() {
    loads_of_own_value();
    loads_of_other_values();
    reserved_half();
    counts();
    several_that_fail();
    stores();
    several_stores();
    loads_at_exit();
    all_lists_together();
    shared_lists();
}

}  // namespace conformance
