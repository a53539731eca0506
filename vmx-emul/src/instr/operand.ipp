// Memory operands of VMX instructions: from the exit's instruction information to L1's memory.
#pragma once

#include <vmx/emulate.hpp>

namespace kurma::vmx::instr {

using x86::DataAccess;
using x86::Fault;

/// A value read from or written to L1's memory, or the fault that stood in the way.
struct Operand {
    bool ok = true;
    u64 value = 0;
    /// The upper half of a 128-bit operand.
    u64 high = 0;
    Fault fault{};

    static Operand faulted(Fault fault) { return {false, 0, 0, fault}; }
};

/// Whether L1 runs in 64-bit mode.
template <VmcsAccessor A>
bool long_mode_code(A& vmcs01) {
    return read(vmcs01, field::guest_cs_access_rights).long_mode_code() &&
           (read(vmcs01, field::guest_efer) & x86::efer::lma) != 0;
}

/// The same of an instruction of L1 that got as far as an exit: in compatibility mode none of the VMX
/// instructions does.
template <class W>
bool wide_instruction(W& world) {
    const NestedState& nested = world.nested();
    if (nested.in_vmx_operation) [[likely]]
        return nested.long_mode;
    return (read(world.vmcs01(), field::guest_efer) & x86::efer::lma) != 0;
}

template <VmcsAccessor A>
u64 segment_base(A& vmcs, SegmentIndex segment) {
    switch (segment) {
        case SegmentIndex::es: return read(vmcs, field::guest_es_base);
        case SegmentIndex::cs: return read(vmcs, field::guest_cs_base);
        case SegmentIndex::ss: return read(vmcs, field::guest_ss_base);
        case SegmentIndex::ds: return read(vmcs, field::guest_ds_base);
        case SegmentIndex::fs: return read(vmcs, field::guest_fs_base);
        case SegmentIndex::gs: return read(vmcs, field::guest_gs_base);
    }
    return 0;
}

struct SegmentLimit {
    u32 limit;
    AccessRights rights;
};

template <VmcsAccessor A>
SegmentLimit segment_limit(A& vmcs, SegmentIndex segment) {
    switch (segment) {
        case SegmentIndex::es:
            return {read(vmcs, field::guest_es_limit), read(vmcs, field::guest_es_access_rights)};
        case SegmentIndex::cs:
            return {read(vmcs, field::guest_cs_limit), read(vmcs, field::guest_cs_access_rights)};
        case SegmentIndex::ss:
            return {read(vmcs, field::guest_ss_limit), read(vmcs, field::guest_ss_access_rights)};
        case SegmentIndex::ds:
            return {read(vmcs, field::guest_ds_limit), read(vmcs, field::guest_ds_access_rights)};
        case SegmentIndex::fs:
            return {read(vmcs, field::guest_fs_limit), read(vmcs, field::guest_fs_access_rights)};
        case SegmentIndex::gs:
            return {read(vmcs, field::guest_gs_limit), read(vmcs, field::guest_gs_access_rights)};
    }
    return {0, AccessRights::unusable_segment()};
}

/// Whether a segment outside of 64-bit mode lets the access through (SDM 3A 5.3, 5.5): usable, long enough,
/// of a type that can be read or written.
constexpr bool segment_allows(SegmentLimit segment, u64 offset, unsigned bytes, DataAccess access) {
    if (segment.rights.unusable()) return false;
    const u8 type = segment.rights.type();
    const bool code = (type & 8) != 0;
    if (code ? access == DataAccess::write || (type & 2) == 0
             : access == DataAccess::write && (type & 2) == 0)
        return false;
    const u64 last = offset + bytes - 1;
    const bool expand_down = !code && (type & 4) != 0;
    if (!expand_down) return last <= segment.limit;
    const u64 top = ((segment.rights.raw >> 14) & 1) != 0 ? 0xffffffff : 0xffff;
    return offset > segment.limit && last <= top;
}

struct LinearOperand {
    bool ok = true;
    u64 address = 0;
    Fault fault{};
};

/// The linear address of the memory operand, checked as the processor checks it (SDM 3C 28.2.1: the
/// qualification is the displacement).
template <class W>
LinearOperand linear_operand(W& world, InstructionInfo info, unsigned bytes, DataAccess access) {
    auto& vmcs01 = world.vmcs01();
    u64 offset = read(vmcs01, field::exit_qualification);
    if (info.has_base()) offset += world.gpr(info.base_register());
    if (info.has_index()) offset += world.gpr(info.index_register()) << info.scale();
    offset &= info.address_mask();
    const SegmentIndex segment = info.segment();
    const Fault refusal = segment == SegmentIndex::ss ? Fault::ss() : Fault::gp();
    if (wide_instruction(world)) {
        if (segment == SegmentIndex::fs || segment == SegmentIndex::gs)
            offset += segment_base(vmcs01, segment);
        if (!x86::canonical(offset) || !x86::canonical(offset + bytes - 1)) return {false, 0, refusal};
        return {true, offset, {}};
    }
    if (!segment_allows(segment_limit(vmcs01, segment), offset, bytes, access)) return {false, 0, refusal};
    return {true, (offset + segment_base(vmcs01, segment)) & 0xffffffff, {}};
}

template <class W>
[[gnu::always_inline]] inline x86::PagingRegisters paging_registers(W& world) {
    auto& vmcs = world.vmcs01();
    return {.cr0 = read(vmcs, field::guest_cr0),
            .cr3 = read(vmcs, field::guest_cr3),
            .cr4 = read(vmcs, field::guest_cr4),
            .efer = read(vmcs, field::guest_efer),
            .rflags_ac = read(vmcs, field::guest_rflags) & x86::rflags::ac,
            .physical_address_width = world.offered().physical_address_width,
            .page_1g = world.offered().paging_1g};
}

/// Reads up to sixteen bytes, as two words. An address that has no memory behind it reads as ones, as the bus
/// would answer.
template <class W>
Operand load(W& world, u64 linear, unsigned bytes) {
    const x86::PagingRegisters regs = paging_registers(world);
    const auto first = world.translate_linear(regs, linear, DataAccess::read);
    if (!first.ok) return Operand::faulted(first.fault);
    const unsigned in_page = 4096 - static_cast<unsigned>(linear & 0xfff);
    if (bytes <= in_page) [[likely]] {
        if (bytes <= 8) return {true, world.read_bytes(first.address, bytes)};
        return {true, world.read_bytes(first.address, 8), world.read_bytes(first.address + 8, bytes - 8)};
    }
    const auto second = world.translate_linear(regs, linear + in_page, DataAccess::read);
    if (!second.ok) return Operand::faulted(second.fault);
    const auto byte = [&](unsigned i) {
        return world.read_bytes(i < in_page ? first.address + i : second.address + (i - in_page), 1);
    };
    Operand result{};
    for (unsigned i = 0; i < bytes; ++i) (i < 8 ? result.value : result.high) |= byte(i) << (8 * (i % 8));
    return result;
}

/// Writes up to eight bytes. Both pages of an operand that crosses a boundary are translated before the first
/// byte changes, so that a fault leaves memory as it was.
template <class W>
Operand store(W& world, u64 linear, u64 value, unsigned bytes) {
    const x86::PagingRegisters regs = paging_registers(world);
    const auto first = world.translate_linear(regs, linear, DataAccess::write);
    if (!first.ok) return Operand::faulted(first.fault);
    const unsigned here = std::min<unsigned>(bytes, 4096 - static_cast<unsigned>(linear & 0xfff));
    if (here == bytes) {
        world.write_bytes(first.address, value, bytes);
        return {};
    }
    const auto second = world.translate_linear(regs, linear + here, DataAccess::write);
    if (!second.ok) return Operand::faulted(second.fault);
    world.write_bytes(first.address, value, here);
    world.write_bytes(second.address, value >> (8 * here), bytes - here);
    return {};
}

/// The 64-bit pointer operand of VMXON, VMCLEAR and VMPTRLD.
template <class W>
Operand pointer_operand(W& world) {
    const InstructionInfo info{read(world.vmcs01(), field::exit_instruction_info)};
    const LinearOperand linear = linear_operand(world, info, 8, DataAccess::read);
    if (!linear.ok) return Operand::faulted(linear.fault);
    return load(world, linear.address, 8);
}

}  // namespace kurma::vmx::instr
