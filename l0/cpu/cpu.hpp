// All state of one processor, and what all processors share.
#pragma once

#include <ept/shadow.hpp>
#include <vmx/capability.hpp>
#include <vmx/merge.hpp>
#include <vmx/nested.hpp>
#include <vmx/shadow_sets.hpp>

#include "../exit/control_call.hpp"
#include "../exit/last_walk.hpp"
#include "../l1vm/partition.hpp"
#include "../mm/own_tables.hpp"
#include "../perf/event.hpp"
#include "../trace/counters.hpp"

namespace kurma::l0 {

/// L1's or L2's general registers, in the order in which instructions encode them. RSP's place is unused: it
/// is in the VMCS.
struct Gprs {
    u64 value[16];

    static constexpr unsigned rax = 0, rcx = 1, rdx = 2, rbx = 3, rsp = 4, rbp = 5, rsi = 6, rdi = 7;
};

/// The bitmaps of one way of VMCS shadowing: a set bit makes L1's access to the field exit.
struct ShadowBitmaps {
    ept::Hpa vmread{0}, vmwrite{0};
};

/// Shared by all processors, and constant once L1 runs but for `partition`'s device pages and the policy,
/// which changes between turns (exit/knobs.hpp).
struct Machine {
    mm::MemoryMap map;
    mm::Reserved reserved;
    mm::Pages pages;
    vmx::Policy policy;
    vmx::Capabilities host, offered;
    /// offered.ept(), ready made.
    ept::Capabilities offered_ept;
    /// Fields that the processor has, and those that L1 is offered.
    vmx::FieldSet host_fields, offered_fields;
    /// vmx::plain_field of each encoding.
    std::array<vmx::PlainField, 0x8000> plain_fields{};
    l1vm::Partition partition;
    /// ACPI's PM1a control port: L1 ends the machine there.
    u16 pm1a_control_port = 0;
    /// Where what L1 aims at nothing goes: a page of ones, of L0's, that nothing depends on.
    ept::Hpa nowhere{0};
    /// Where an address that L1 gave leads. One that leads to no memory of L1's is pointed at the page that
    /// nobody uses.
    ept::Hpa place(u64 l1_address) const {
        return partition.translate(ept::L1Gpa{l1_address}).value_or(nowhere);
    }
    /// The same, for an address at which L0 or the processor will write.
    ept::Hpa place_for_write(u64 l1_address) {
        return partition.translate_for_write(ept::L1Gpa{l1_address}).value_or(nowhere);
    }
    /// Whether L1 has a shadow VMCS while it runs: vmcs_access is not `trap`.
    bool shadowing = false;
    ShadowBitmaps bitmaps_direct{}, bitmaps_copy{};
    /// One bit per encoding of a field that the processor has and L1 is not offered; for an L1 that uses VMCS
    /// shadowing.
    ept::Hpa hidden_fields{0};
    ept::Hpa msr_bitmap01{0}, io_bitmap01_a{0}, io_bitmap01_b{0};
    /// The same bitmaps, as they are added to L1's.
    vmx::Intercepts01 msr_intercepts01, io_intercepts01_a, io_intercepts01_b;
    vmx::Added02 added02{};
    /// The event that is counted, if any (perf/counter.hpp).
    perf::Event event{};
};

using Shadow02 = ept::Shadow<l1vm::EptWorld, 1024>;

/// One ept02, the shadow of one ept12.
struct Ept02 {
    bool in_use = false;
    ept::Eptp eptp12{}, eptp02{};
    /// How ept12's entries are to be read.
    ept::EntryRules rules{};
    u64 last_use = 0;
    Shadow02 shadow{};
};

/// L0's shadow VMCS for an L1 that uses VMCS shadowing (exit/l1_shadowing.hpp), made at first use.
struct L1Shadow {
    ept::Hpa vmcs{0}, vmread_bitmap{0}, vmwrite_bitmap{0};
    /// The processor may have changed it since it was filled.
    bool in_use = false;
};

/// How L1 reaches the shadowed fields of one vmcs12 now (exit/shadow_vmcs.hpp): not at all; in vmcs02, which
/// has the shadow indicator and so cannot be entered; in a copy, whose writable fields count and vmcs12's own
/// do not.
enum class Reach : u8 { none, itself, copy };

/// The shadow VMCS of `shadow-copy`, made at first use, and what L0 knows it to hold.
struct ShadowCopy {
    ept::Hpa vmcs{0};
    std::array<u64, (vmx::copied_writable | vmx::copied_exit_information).count()> known{};
};

/// An access of L2's that L1 was told of as an EPT violation, and so has perhaps made possible when it
/// resumes L2. No access: none.
struct Prefill {
    ept::Access wanted{};
    ept::L2Gpa address{};

    bool empty() const { return wanted.empty(); }
};

/// An active vmcs12 and the vmcs02 that carries it.
struct VmcsSlot {
    vmx::Vmcs12 vmcs12{};
    bool in_use = false;
    /// vmcs02's own launch state, and whether the last entry was the VMLAUNCH that sets it (it stays clear if
    /// that fails).
    bool launched02 = false, launching02 = false;
    u64 last_use = 0;
    ept::Hpa vmcs02{0}, msr_bitmap02{0}, io_bitmap02_a{0}, io_bitmap02_b{0};
    /// The pages of L1's of which these three are made, and, if all are still good at some revision of
    /// partition.watched(), that revision (exit/bitmaps.hpp).
    std::array<l1vm::WatchedPages::Ticket, 3> bitmaps12{};
    u64 bitmaps_good_at = 0;
    u16 vpid02 = 0;
    Reach reach = Reach::none;
    ShadowCopy copy{};
    /// vmcs12's VPID and EPT pointer at the last entry: L2's translations stay valid while they do not
    /// change.
    u16 last_vpid12 = 0;
    Ept02* ept02 = nullptr;
    Prefill prefill{};
    L1Shadow l1_shadow{};
    /// vmcs02 has PDPTEs that L0 loaded, and these are what L1 believes to be there.
    std::array<u64, 4> pdptes_of_l1{};
    bool has_pdptes_of_l0 = false;
    /// What vmcs02's link pointer is.
    ept::Hpa link02{vmx::no_pointer};
    /// The last entry has left nothing to be prepared for the next, if L1 changes no field but the event.
    bool prepared = false;
    /// An exit to L1 has nothing to do but to load L1's state and to note the exit.
    bool plain_exit = false;
    /// Each exit leaves these fields in vmcs02.
    vmx::FieldSet lazy{};
    /// vmcs12.in_vmcs02 is `lazy` already.
    bool lazy_is_set = false;
    vmx::Known02 known02{};
    /// Any of the next three.
    bool needs_tidying = false;
    /// vmcs02 is to load MSRs at its next entry, which must be the only one that does: L2 may change them.
    bool loads_msrs = false;
    /// L1 gave the preemption timer the value 0, at which it stays (SDM 3C 26.5.1).
    bool timer_at_zero = false;
    /// L1 uses virtual-interrupt delivery, and the vector that was in service when the processor entered L2
    /// last.
    bool delivers_interrupts = false;
    u8 in_service_at_entry = 0;
    /// The entry of vmcs12's VM-entry MSR-load area that leads to no memory of L1's, counted from 1; 0: none
    /// does.
    u32 unreachable_msr_entry = 0;
    vmx::Controls02 present{};
    /// Whether vmcs12 was launched before the entry that is under way, for an entry that fails.
    bool was_launched = false;
};

/// What L0 knows of L1's registers that an exit of L2 loads and L1 rarely changes (exit/l1_state.hpp).
struct L1State {
    /// L1 exits when it changes one of them.
    bool watched = false;
    /// The slot whose host state they are since the last exit to L1. Null: L1 may have changed them.
    const VmcsSlot* host_of = nullptr;
    u64 cr0 = 0, efer = 0, pat = 0;
    /// Exits to L1 that are yet to pass before L1 is watched again.
    u32 patience = 0;
};

struct alignas(64) Cpu {
    static constexpr usize slot_count = 16;
    static constexpr usize ept02_count = 8;
    static constexpr u16 vpid01 = 1;
    static constexpr u16 first_vpid02 = 2;

    Machine* machine = nullptr;
    ept::Hpa current{0};
    ept::Hpa vmcs01{0};
    bool launched01 = false;
    Level level = Level::l1;
    /// The slot whose vmcs02 runs, if `level` is l2.
    VmcsSlot* running = nullptr;
    vmx::NestedState nested{};
    /// What vmcs01's link pointer says now, and whether L0 has touched a vmcs02 or L1's state so that it is
    /// to be set anew.
    ept::Hpa linked{vmx::no_pointer};
    bool relink = false;
    /// An NMI that arrived while L0 ran.
    bool nmi_pending = false;
    /// Turns are recorded (trace=turns).
    bool recording = false;
    bool reserved = false;
    /// Whether a turn that goes back to L1 has more to do than others: any of the flags before this, in one
    /// look.
    bool more_to_do() const {
        u32 flags;
        __builtin_memcpy(&flags, &relink, sizeof flags);
        return flags != 0;
    }
    L1State l1{};
    LastWalk last_walk{};
    /// vmcs01's VMCS-shadowing control.
    bool shadowing_on = false;
    Totals totals{}, latched{}, at_turn_start{};
    u64 clock = 0;
    u8 shutdown_matched = 0;
    Trace trace{};
    std::array<VmcsSlot, slot_count> slots{};
    /// No slot from here on has ever been in use.
    usize slots_used = 0;
    std::array<Ept02, ept02_count> ept02s{};
    /// No ept02 from here on has ever been in use.
    usize ept02s_used = 0;
    ControlCall control{};
    /// The event's total at the last latch; all ones: no event is counted.
    u64 latched_event = no_control_answer;

    /// L0's stack on this processor. Below `self` lie, while L0 runs, the guest's registers (hw/vmentry.S).
    alignas(16) std::array<u8, 32768> stack{};
    Gprs gprs{};
    Cpu* self = nullptr;
};

/// The only processor so far.
Cpu& boot_cpu();
Machine& machine();

}  // namespace kurma::l0
