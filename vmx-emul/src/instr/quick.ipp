// VMREAD and VMWRITE of plain fields, straight on.
#pragma once

#include "operand.ipp"

namespace kurma::vmx {

namespace instr {

inline constexpr auto value_masks = [] {
    std::array<u64, field_count> masks{};
    for (usize i = 0; i < field_count; ++i) masks[i] = value_mask(field_rows[i].encoding);
    return masks;
}();

/// Whether the instruction is of the quick form but for its field, which `info` names.
template <class W>
[[gnu::always_inline]] inline bool quick_form(W& world, InstructionInfo& info) {
    constexpr unsigned rsp = 4;
    // In compatibility mode none of the VMX instructions gets as far as an exit: this is 64-bit code.
    if (world.nested().current_of_64_bit_code == nullptr) [[unlikely]]
        return world.leave_undone();
    if (read(world.vmcs01(), field::guest_ss_access_rights).dpl() != 0) [[unlikely]]
        return world.leave_undone();
    info = InstructionInfo{read(world.vmcs01(), field::exit_instruction_info)};
    if (!info.register_operand() || info.register1() == rsp) [[unlikely]]
        return world.leave_undone();
    return true;
}

/// VMsucceed, and the next instruction of 64-bit code.
template <class W>
[[gnu::always_inline]] inline void succeed_quickly(W& world) {
    auto& vmcs01 = world.vmcs01();
    const u64 before = read(vmcs01, field::guest_rflags);
    write(vmcs01, field::guest_rflags, before & ~x86::rflags::arithmetic);
    // The length is read as it is: VMREAD has cleared the upper half.
    write(vmcs01, field::guest_rip,
          read(vmcs01, field::guest_rip) + vmcs01.read_raw(FieldId::exit_instruction_length));
    end_instruction(vmcs01, before);
}

}  // namespace instr

template <QuickInstructionWorld W>
[[gnu::always_inline]] inline bool emulate_vmread_quickly(W& world) {
    InstructionInfo info{0};
    if (!instr::quick_form(world, info)) return false;
    const u64 encoding = world.gpr(info.register2());
    const PlainField field = world.plain_field(encoding);
    const Vmcs12& current = *world.nested().current_of_64_bit_code;
    u64 value;
    if (field.usual()) [[likely]] {
        value = current.image[field.index()];
    } else {
        const bool reachable =
            field.guest_state() || (field.exit_information() && !current.exit_information_in_image);
        if (!reachable || !world.reaches_vmcs02()) [[unlikely]]
            return world.leave_undone();
        value = world.read_vmcs02(encoding);
    }
    world.set_gpr(info.register1(), value);
    instr::succeed_quickly(world);
    return world.done();
}

template <QuickInstructionWorld W>
[[gnu::always_inline]] inline bool emulate_vmwrite_quickly(W& world) {
    InstructionInfo info{0};
    if (!instr::quick_form(world, info)) return false;
    const u64 encoding = world.gpr(info.register2());
    const PlainField field = world.plain_field(encoding);
    Vmcs12& current = *world.nested().current_of_64_bit_code;
    const u64 value = world.gpr(info.register1());
    if (field.usual()) [[likely]] {
        current.image[field.index()] = value & instr::value_masks[field.index()];
        current.note_change(field.index());
    } else if (field.guest_state() && world.reaches_vmcs02()) {
        world.write_vmcs02(encoding, value);
    } else if (field.of_event()) {
        current.image[field.index()] = value & instr::value_masks[field.index()];
    } else {
        return world.leave_undone();
    }
    instr::succeed_quickly(world);
    return world.done();
}

}  // namespace kurma::vmx
