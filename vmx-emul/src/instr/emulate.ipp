// The VMX instructions, one function each, in the order of the manual's tests (SDM 3C 31.3).
#pragma once

#include <algorithm>
#include <x86/msr.hpp>
#include <x86/rflags.hpp>

#include "operand.ipp"

namespace kurma::vmx {

namespace instr {

using Error = VmInstructionError;

/// VMfail: with a current VMCS the error number is valid, without one it is not (SDM 3C 31.2).
template <class W>
InstrOutcome fail(W& world, Error error) {
    return world.nested().current != nullptr ? InstrOutcome::fail_valid(error) : InstrOutcome::fail_invalid();
}

/// What every VMX instruction but VMXON asks first. Hardware has already looked at the mode (protected, not
/// virtual-8086, not compatibility) before the exit; whether L1 is in VMX operation, and its CPL, are left to
/// L0.
template <class W>
struct Admission {
    bool admitted;
    Fault fault;
};

template <class W>
[[gnu::always_inline]] inline Admission<W> admit(W& world) {
    if (!world.nested().in_vmx_operation) return {false, Fault::ud()};
    if (read(world.vmcs01(), field::guest_ss_access_rights).dpl() != 0) return {false, Fault::gp()};
    return {true, {}};
}

/// Operand size of VMREAD and VMWRITE: 64 bits in 64-bit mode, otherwise 32.
template <class W>
unsigned operand_bytes(W& world) {
    return wide_instruction(world) ? 8 : 4;
}

/// The 128-bit descriptor of INVEPT and INVVPID, and the type register.
struct Invalidation {
    bool ok = true;
    u64 type = 0, low = 0, high = 0;
    Fault fault{};
};

template <class W>
Invalidation invalidation_operand(W& world) {
    const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
    u64 type = world.gpr(info.register2());
    if (!wide_instruction(world)) type &= 0xffffffff;
    const LinearOperand linear = linear_operand(world, info, 16, DataAccess::read);
    if (!linear.ok) return {.ok = false, .fault = linear.fault};
    const Operand descriptor = load(world, linear.address, 16);
    if (!descriptor.ok) return {.ok = false, .fault = descriptor.fault};
    return {.type = type, .low = descriptor.value, .high = descriptor.high};
}

}  // namespace instr

template <InstructionWorld W>
InstrOutcome emulate_vmread(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    Vmcs12* const current = world.nested().current;
    if (current == nullptr) return InstrOutcome::fail_invalid();
    const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
    const unsigned bytes = operand_bytes(world);
    u64 encoding = world.gpr(info.register2());
    if (bytes == 4) encoding &= 0xffffffff;
    const FieldLookup found = find_field(encoding);
    if (!found.found || !world.field_exists(found.id))
        return InstrOutcome::fail_valid(Error::unsupported_component);

    u64 value = current->home_of(found.id) == Home::vmcs12 ? current->image[static_cast<usize>(found.id)]
                                                           : world.read_home02(*current, found.id);
    if (Encoding{static_cast<u32>(encoding)}.high()) value >>= 32;
    if (bytes == 4) value &= 0xffffffff;
    if (info.register_operand()) {
        world.set_gpr(info.register1(), value);
        return InstrOutcome::succeed();
    }
    const LinearOperand linear = linear_operand(world, info, bytes, DataAccess::write);
    if (!linear.ok) return InstrOutcome::faulted(linear.fault);
    const Operand stored = store(world, linear.address, value, bytes);
    return stored.ok ? InstrOutcome::succeed() : InstrOutcome::faulted(stored.fault);
}

template <InstructionWorld W>
InstrOutcome emulate_vmwrite(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    Vmcs12* const current = world.nested().current;
    if (current == nullptr) return InstrOutcome::fail_invalid();
    const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
    const unsigned bytes = operand_bytes(world);
    u64 value = 0;
    if (info.register_operand()) {
        value = world.gpr(info.register1());
    } else {
        const LinearOperand linear = linear_operand(world, info, bytes, DataAccess::read);
        if (!linear.ok) return InstrOutcome::faulted(linear.fault);
        const Operand loaded = load(world, linear.address, bytes);
        if (!loaded.ok) return InstrOutcome::faulted(loaded.fault);
        value = loaded.value;
    }
    u64 encoding = world.gpr(info.register2());
    if (bytes == 4) {
        encoding &= 0xffffffff;
        value &= 0xffffffff;
    }
    const FieldLookup found = find_field(encoding);
    const FieldRow& row = row_of(found.found ? found.id : FieldId{});
    if (!found.found || !world.field_exists(found.id))
        return InstrOutcome::fail_valid(Error::unsupported_component);
    const bool exit_information = row.encoding.type() == FieldType::exit_information;
    if (exit_information) {
        if (!world.offered().vmwrite_any_field()) return InstrOutcome::fail_valid(Error::vmwrite_read_only);
    }
    const Home home = current->home_of(found.id);
    const auto whole = [&](u64 before) { return (before & 0xffffffff) | (value << 32); };
    const bool high = Encoding{static_cast<u32>(encoding)}.high();
    if (home == Home::vmcs02) {
        world.write_home02(*current, found.id, high ? whole(world.read_home02(*current, found.id)) : value);
        return InstrOutcome::succeed();
    }
    u64& slot = current->image[static_cast<usize>(found.id)];
    slot = high ? whole(slot) : value & value_mask(row.encoding);
    if (!exit_information) current->note_write(found.id);
    return InstrOutcome::succeed();
}

template <InstructionWorld W>
InstrOutcome emulate_vmxon(W& world) {
    using namespace instr;
    NestedState& nested = world.nested();
    const Capabilities& offered = world.offered();
    auto& vmcs01 = world.vmcs01();
    const u64 cr4 = world.cr4_of_l1();
    if ((cr4 & x86::cr4::vmxe) == 0) return InstrOutcome::faulted(Fault::ud());
    if (read(vmcs01, field::guest_ss_access_rights).dpl() != 0) return InstrOutcome::faulted(Fault::gp());
    if (nested.in_vmx_operation) return fail(world, Error::vmxon_in_root);
    constexpr u64 needed =
        x86::msr::feature_control_bits::locked | x86::msr::feature_control_bits::vmx_outside_smx;
    if (!x86::fixed_bits_allow(world.cr0_of_l1(), offered.cr0_fixed0, offered.cr0_fixed1) ||
        !x86::fixed_bits_allow(cr4, offered.cr4_fixed0, offered.cr4_fixed1) ||
        (nested.feature_control & needed) != needed)
        return InstrOutcome::faulted(Fault::gp());
    const Operand pointer = pointer_operand(world);
    if (!pointer.ok) return InstrOutcome::faulted(pointer.fault);
    if (!world.offered().page_address(pointer.value)) return InstrOutcome::fail_invalid();
    const auto revision = world.read_u32(ept::L1Gpa{pointer.value});
    if (!revision || *revision != offered.revision()) return InstrOutcome::fail_invalid();
    nested.in_vmx_operation = true;
    nested.long_mode = (read(vmcs01, field::guest_efer) & x86::efer::lma) != 0;
    nested.vmxon_pointer = pointer.value;
    nested.make_current(nullptr);
    return InstrOutcome::succeed();
}

template <InstructionWorld W>
InstrOutcome emulate_vmxoff(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    NestedState& nested = world.nested();
    nested.in_vmx_operation = false;
    nested.vmxon_pointer = no_pointer;
    nested.make_current(nullptr);
    return InstrOutcome::succeed();
}

template <InstructionWorld W>
InstrOutcome emulate_vmclear(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    const Operand pointer = pointer_operand(world);
    if (!pointer.ok) return InstrOutcome::faulted(pointer.fault);
    if (!world.offered().page_address(pointer.value)) return fail(world, Error::vmclear_bad_address);
    NestedState& nested = world.nested();
    if (pointer.value == nested.vmxon_pointer) return fail(world, Error::vmclear_vmxon_pointer);
    const ept::L1Gpa region{pointer.value};
    if (Vmcs12* const active = world.find_active(region); active != nullptr) {
        world.deactivate_clear(*active);
        if (nested.current == active) nested.make_current(nullptr);
    } else {
        world.mark_clear(region);
    }
    return InstrOutcome::succeed();
}

template <InstructionWorld W>
InstrOutcome emulate_vmptrld(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    const Operand pointer = pointer_operand(world);
    if (!pointer.ok) return InstrOutcome::faulted(pointer.fault);
    if (!world.offered().page_address(pointer.value)) return fail(world, Error::vmptrld_bad_address);
    NestedState& nested = world.nested();
    if (pointer.value == nested.vmxon_pointer) return fail(world, Error::vmptrld_vmxon_pointer);
    const ept::L1Gpa region{pointer.value};
    Vmcs12* const active = world.find_active(region);
    // The revision is read even where the VMCS is active: L1 may have spoilt it, and the processor looks each
    // time. Bit 31, the shadow indicator, is no part of it where VMCS shadowing is offered.
    const auto first_word = world.read_u32(region);
    const u32 indicator = world.offered().may(Secondary::vmcs_shadowing) ? shadow_indicator : 0;
    if (!first_word || (*first_word & ~indicator) != world.offered().revision())
        return fail(world, Error::vmptrld_wrong_revision);
    nested.make_current(active != nullptr ? active : world.activate(region));
    nested.current->shadow = (*first_word & indicator) != 0;
    return InstrOutcome::succeed();
}

template <InstructionWorld W>
InstrOutcome emulate_vmptrst(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
    const LinearOperand linear = linear_operand(world, info, 8, DataAccess::write);
    if (!linear.ok) return InstrOutcome::faulted(linear.fault);
    const Vmcs12* const current = world.nested().current;
    const Operand stored =
        store(world, linear.address, current != nullptr ? current->region.value() : no_pointer, 8);
    return stored.ok ? InstrOutcome::succeed() : InstrOutcome::faulted(stored.fault);
}

template <InstructionWorld W>
InstrOutcome emulate_vm_entry(W& world, Reason launch_or_resume) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    const Vmcs12* const current = world.nested().current;
    if (current == nullptr || current->shadow) return InstrOutcome::fail_invalid();
    const u32 blocking = read(world.vmcs01(), field::guest_interruptibility);
    world.nested().interruptibility_at_entry = blocking;
    if ((blocking & interruptibility::mov_ss) != 0)
        return InstrOutcome::fail_valid(Error::entry_mov_ss_blocking);
    const bool launch = launch_or_resume == Reason::vmlaunch;
    if (launch && current->launched) return InstrOutcome::fail_valid(Error::vmlaunch_non_clear);
    if (!launch && !current->launched) return InstrOutcome::fail_valid(Error::vmresume_non_launched);
    return InstrOutcome::enter_l2();
}

template <InstructionWorld W>
InstrOutcome emulate_invept(W& world) {
    using namespace instr;
    const Capabilities& offered = world.offered();
    if ((offered.ept_vpid & ept_vpid_cap::invept) == 0) return InstrOutcome::faulted(Fault::ud());
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    const Invalidation operand = invalidation_operand(world);
    if (!operand.ok) return InstrOutcome::faulted(operand.fault);
    constexpr u64 single_context = 1, all_contexts = 2;
    if (operand.type == single_context && (offered.ept_vpid & ept_vpid_cap::invept_single) != 0) {
        const Eptp eptp{operand.low};
        if (!eptp.valid(offered.ept())) return fail(world, Error::invalid_invept_operand);
        world.drop_ept02(eptp);
        return InstrOutcome::succeed();
    }
    if (operand.type == all_contexts && (offered.ept_vpid & ept_vpid_cap::invept_all) != 0) {
        world.drop_all_ept02();
        return InstrOutcome::succeed();
    }
    return fail(world, Error::invalid_invept_operand);
}

template <InstructionWorld W>
InstrOutcome emulate_invvpid(W& world) {
    using namespace instr;
    const Capabilities& offered = world.offered();
    if ((offered.ept_vpid & ept_vpid_cap::invvpid) == 0) return InstrOutcome::faulted(Fault::ud());
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    const Invalidation operand = invalidation_operand(world);
    if (!operand.ok) return InstrOutcome::faulted(operand.fault);
    constexpr u64 individual_address = 0, all_contexts = 2, types = 4;
    const bool offered_type = operand.type < types && ((offered.ept_vpid >> (40 + operand.type)) & 1) != 0;
    if (!offered_type || (operand.low >> 16) != 0) return fail(world, Error::invalid_invept_operand);
    if (operand.type == all_contexts) {
        world.drop_all_vpid02();
        return InstrOutcome::succeed();
    }
    const u16 vpid = static_cast<u16>(operand.low);
    if (vpid == 0 || (operand.type == individual_address && !x86::canonical(operand.high)))
        return fail(world, Error::invalid_invept_operand);
    world.drop_vpid02(vpid);
    return InstrOutcome::succeed();
}

template <InstructionWorld W>
InstrOutcome emulate_vmcall(W& world) {
    using namespace instr;
    if (const auto entry = admit(world); !entry.admitted) return InstrOutcome::faulted(entry.fault);
    return fail(world, Error::vmcall_in_root);
}

/// What the end of an instruction brings. Blocking by STI and MOV SS ends with it (SDM 3C 25.4.2); the trap
/// of a single step, which hardware would raise after it, becomes a pending debug exception.
template <class A>
[[gnu::always_inline]] inline void end_instruction(A& vmcs, u64 rflags) {
    const u32 blocking = read(vmcs, field::guest_interruptibility);
    constexpr u32 by_instruction = interruptibility::sti | interruptibility::mov_ss;
    if ((blocking & by_instruction) != 0)
        write(vmcs, field::guest_interruptibility, blocking & ~by_instruction);
    if ((rflags & x86::rflags::tf) != 0) [[unlikely]] {
        // With DEBUGCTL.BTF only branches trap, and none of these instructions is one (SDM 3B 18.4.3).
        constexpr u64 branch_trap_flag = 1u << 1, single_step = 1u << 14;
        if ((read(vmcs, field::guest_debugctl) & branch_trap_flag) == 0)
            write(vmcs, field::guest_pending_debug_exceptions,
                  read(vmcs, field::guest_pending_debug_exceptions) | single_step);
    }
}

/// Moves past the instruction that exited.
template <class A>
[[gnu::always_inline]] inline void advance(A& vmcs, u64 rflags) {
    const u64 before = read(vmcs, field::guest_rip);
    u64 after = before + read(vmcs, field::exit_instruction_length);
    constexpr u64 low_half = 0xffffffff;
    if (((before ^ after) & ~low_half) != 0) [[unlikely]]
        after = instr::long_mode_code(vmcs) ? after : after & low_half;
    write(vmcs, field::guest_rip, after);
    end_instruction(vmcs, rflags);
}

/// The same for an instruction that leaves flags alone.
template <class A>
[[gnu::always_inline]] inline void advance(A& vmcs) {
    advance(vmcs, read(vmcs, field::guest_rflags));
}

/// Makes a fault of an instruction that exited pending for the next entry. A fault has the resume flag in the
/// RFLAGS that it pushes (SDM 3B 18.3.1.1).
template <class A>
void inject(A& vmcs01, const x86::Fault& fault) {
    write(vmcs01, field::guest_rflags, read(vmcs01, field::guest_rflags) | x86::rflags::rf);
    write(vmcs01, field::entry_interruption_info, InterruptionInfo::of(fault));
    if (fault.has_error_code()) write(vmcs01, field::entry_exception_error_code, fault.error_code);
}

/// A fault, or the next instruction, for instructions that leave flags alone.
template <class A>
void settle(A& vmcs, const InstrOutcome& outcome) {
    if (outcome.kind == InstrOutcome::Kind::fault)
        inject(vmcs, outcome.fault);
    else
        advance(vmcs);
}

template <InstructionWorld W>
[[gnu::always_inline]] inline void finish(W& world, const InstrOutcome& outcome) {
    using Kind = InstrOutcome::Kind;
    auto& vmcs01 = world.vmcs01();
    if (outcome.kind == Kind::fault) {
        if (outcome.fault.vector == x86::Vector::page_fault) world.set_cr2(outcome.fault.linear_address);
        inject(vmcs01, outcome.fault);
        return;
    }
    const u64 before = read(vmcs01, field::guest_rflags);
    u64 after = before & ~x86::rflags::arithmetic;
    if (outcome.kind == Kind::fail_invalid) after |= x86::rflags::cf;
    if (outcome.kind == Kind::fail_valid) {
        after |= x86::rflags::zf;
        world.nested().current->set(field::vm_instruction_error, static_cast<u32>(outcome.error));
    }
    if (after != before) write(vmcs01, field::guest_rflags, after);
    advance(vmcs01, before);
}

}  // namespace kurma::vmx
