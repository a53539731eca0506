// Exits of L1 that are answered straight on, in their usual form. What is unusual about one leaves it undone,
// for the room that knows every form.
#pragma once

#include "l1_world.hpp"

namespace kurma::l0 {

/// Leaves of CPUID that the processor does not answer alone (l1_exits.cpp): features, extended features,
/// performance monitoring, who Kurma is.
constexpr u32 features_leaf = 1, extended_features_leaf = 7, signature_leaf = 0x40000000;
constexpr bool is_special_leaf(u32 leaf) {
    constexpr u64 low_leaves =
        u64{1} << features_leaf | u64{1} << extended_features_leaf | u64{1} << perf::monitoring_leaf;
    return leaf < 64 ? ((low_leaves >> leaf) & 1) != 0 : leaf == signature_leaf;
}

constexpr bool has_quick_answer(vmx::Reason reason) {
    using vmx::Reason;
    for (const Reason quick :
         {Reason::cpuid, Reason::vmread, Reason::vmwrite, Reason::vmptrld, Reason::vmclear, Reason::invept})
        if (reason == quick) return true;
    return false;
}

inline void execute_cpuid(Gprs& gprs) {
    const hw::CpuidResult r = hw::cpuid(gprs.value[Gprs::rax], gprs.value[Gprs::rcx]);
    gprs.value[Gprs::rax] = r.eax;
    gprs.value[Gprs::rbx] = r.ebx;
    gprs.value[Gprs::rcx] = r.ecx;
    gprs.value[Gprs::rdx] = r.edx;
}

/// What the quick forms of VMX instructions need of the world (vmx/emulate.hpp, and below).
class QuickWorld {
  public:
    [[gnu::always_inline]] QuickWorld(Cpu& cpu, Gprs& gprs) : cpu_(cpu), gprs_(gprs), vmcs01_(cpu) {}
    QuickVmcs01& vmcs01() { return vmcs01_; }
    vmx::NestedState& nested() { return cpu_.nested; }
    u64 gpr(unsigned index) { return gprs_.value[index]; }
    void set_gpr(unsigned index, u64 value) { gprs_.value[index] = value; }
    vmx::PlainField plain_field(u64 encoding) const {
        const auto& fields = cpu_.machine->plain_fields;
        return encoding < fields.size() ? fields[encoding] : vmx::PlainField{};
    }
    bool reaches_vmcs02() const { return !cpu_.machine->shadowing; }
    [[gnu::always_inline]] u64 read_vmcs02(u64 encoding) {
        visit_vmcs02();
        const u64 value = vmcs01_.read_encoding(encoding);
        hw::vmptrld_in(cpu_.vmcs01);
        return value;
    }
    [[gnu::always_inline]] void write_vmcs02(u64 encoding, u64 value) {
        visit_vmcs02();
        vmcs01_.write_encoding(encoding, value);
        hw::vmptrld_in(cpu_.vmcs01);
    }
    [[gnu::always_inline]] bool leave_undone() {
        vmcs01_.settle();
        return false;
    }
    [[gnu::always_inline]] bool done() {
        vmcs01_.settle();
        return true;
    }

    /// The memory operand of 64-bit code at CPL 0, if the last walk leads there: base and displacement, no
    /// index, not FS or GS, in one page. Null: for the room.
    [[gnu::always_inline]] const volatile u64* operand(vmx::InstructionInfo info, unsigned bytes) {
        using namespace vmx;
        constexpr unsigned size_64 = 2;
        if (read(vmcs01_, field::guest_ss_access_rights).dpl() != 0) return nullptr;
        if (info.segment() >= SegmentIndex::fs || info.has_index() || info.address_size() != size_64)
            return nullptr;
        u64 linear = read(vmcs01_, field::exit_qualification);
        if (info.has_base()) {
            if (info.base_register() == Gprs::rsp) return nullptr;
            linear += gprs_.value[info.base_register()];
        }
        if ((linear & 0xfff) > 4096 - bytes) return nullptr;
        const u64 cr3 = read(vmcs01_, field::guest_cr3);
        const u64 cr4 = read(vmcs01_, field::guest_cr4);
        // The page is one that was walked to, so the address is canonical.
        return reinterpret_cast<const volatile u64*>(cpu_.last_walk.find_plain(cr3, cr4, linear));
    }

    /// The memory operand of VMPTRLD and VMCLEAR, read once; false: for the room.
    [[gnu::always_inline]] bool pointer_operand(u64& pointer) {
        if (!cpu_.nested.in_vmx_operation || !cpu_.nested.long_mode) return false;
        const vmx::InstructionInfo info{read(vmcs01_, vmx::field::exit_instruction_info)};
        const volatile u64* const at = operand(info, sizeof(u64));
        if (at == nullptr) return false;
        pointer = *at;
        return true;
    }

  private:
    /// And back, at once: no note is taken of what is current meanwhile.
    [[gnu::always_inline]] void visit_vmcs02() {
        cpu_.totals.vmptrld += 2;
        hw::vmptrld_in(slot_of(*cpu_.nested.current_of_64_bit_code).vmcs02);
    }

    Cpu& cpu_;
    Gprs& gprs_;
    QuickVmcs01 vmcs01_;
};

/// VMPTRLD of an active VMCS, which is no shadow VMCS.
[[gnu::always_inline]] inline bool vmptrld_quickly(Cpu& cpu, QuickWorld& world) {
    using namespace vmx;
    u64 pointer;
    if (!world.pointer_operand(pointer)) [[unlikely]]
        return world.leave_undone();
    // Only a page address that is not the VMXON pointer gets to be that of an active VMCS.
    VmcsSlot* const slot = find_slot(cpu, ept::L1Gpa{pointer});
    if (slot == nullptr || pointer == cpu.nested.vmxon_pointer) [[unlikely]]
        return world.leave_undone();
    const auto region = cpu.machine->partition.translate(ept::L1Gpa{pointer});
    if (!region || *mm::at<volatile u32>(*region) != cpu.machine->offered.revision()) [[unlikely]]
        return world.leave_undone();
    slot->vmcs12.shadow = false;
    cpu.nested.make_current(&slot->vmcs12);
    cpu.relink = true;
    instr::succeed_quickly(world);
    return world.done();
}

/// VMCLEAR of a VMCS that is not active.
[[gnu::always_inline]] inline bool vmclear_quickly(Cpu& cpu, QuickWorld& world) {
    using namespace vmx;
    u64 pointer;
    if (!world.pointer_operand(pointer)) [[unlikely]]
        return world.leave_undone();
    if (!cpu.machine->offered.page_address(pointer) || pointer == cpu.nested.vmxon_pointer)
        return world.leave_undone();
    if (find_slot(cpu, ept::L1Gpa{pointer}) != nullptr) [[unlikely]]
        return world.leave_undone();
    mark_region_clear(cpu, ept::L1Gpa{pointer});
    instr::succeed_quickly(world);
    return world.done();
}

/// INVEPT of a single context.
[[gnu::always_inline]] inline bool invept_quickly(Cpu& cpu, QuickWorld& world) {
    using namespace vmx;
    constexpr u64 single_context = 1;
    const Capabilities& offered = cpu.machine->offered;
    constexpr u64 needed = ept_vpid_cap::invept | ept_vpid_cap::invept_single;
    if (!cpu.nested.in_vmx_operation || !cpu.nested.long_mode || (offered.ept_vpid & needed) != needed)
        return world.leave_undone();
    const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
    // RSP's place holds no type.
    if (world.gpr(info.register2()) != single_context) [[unlikely]]
        return world.leave_undone();
    const volatile u64* const operand = world.operand(info, 2 * sizeof(u64));
    if (operand == nullptr) [[unlikely]]
        return world.leave_undone();
    const Eptp eptp12{*operand};
    if (!eptp12.valid(cpu.machine->offered_ept)) [[unlikely]]
        return world.leave_undone();
    drop_ept02(cpu, eptp12);
    instr::succeed_quickly(world);
    return world.done();
}

/// True if L1's instruction is done; false if nothing is.
template <vmx::Reason reason>
[[gnu::always_inline]] inline bool answer_quickly(Cpu& cpu, Gprs& gprs) {
    using vmx::Reason;
    if constexpr (reason == Reason::cpuid) {
        if (is_special_leaf(static_cast<u32>(gprs.value[Gprs::rax]))) return false;
        execute_cpuid(gprs);
        QuickVmcs01 vmcs01{cpu};
        vmx::advance(vmcs01);
        vmcs01.settle();
        return true;
    } else {
        QuickWorld world{cpu, gprs};
        if constexpr (reason == Reason::vmread) return vmx::emulate_vmread_quickly(world);
        if constexpr (reason == Reason::vmwrite) return vmx::emulate_vmwrite_quickly(world);
        if constexpr (reason == Reason::vmptrld) return vmptrld_quickly(cpu, world);
        if constexpr (reason == Reason::vmclear) return vmclear_quickly(cpu, world);
        if constexpr (reason == Reason::invept) return invept_quickly(cpu, world);
    }
}

}  // namespace kurma::l0
