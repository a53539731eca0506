// What the VMX instructions of an L1 come to, written down from the manual a second time: a list of VMCSs by
// address, each with its launch state and with what was written to it by encoding. None of the rooms' code is
// used.
//
// SDM: 3C 31.3 (the order of each instruction's tests), 31.4 (error numbers), 25.11 (encodings).
#pragma once

#include <map>
#include <optional>

#include "../testing/fake_world.hpp"
#include "capability_choice.hpp"

namespace kurma::vmx::fuzz {

enum class Instruction : u8 {
    vmread,
    vmwrite,
    vmxon,
    vmxoff,
    vmclear,
    vmptrld,
    vmptrst,
    vmlaunch,
    vmresume,
    invept,
    invvpid,
    vmcall,
};

/// One instruction as L1 executes it.
struct Step {
    Instruction instruction{};
    bool in_register = false;  // VMREAD, VMWRITE: the operand that is not the encoding
    u64 address = 0;           // linear, of a memory operand
    u64 encoding = 0;          // VMREAD, VMWRITE; of INVEPT and INVVPID the type
    u64 value = 0;             // of a register operand
    unsigned cpl = 0;
    bool mov_ss_blocking = false;
};

struct Expected {
    enum class Kind { succeed, fail_invalid, fail_valid, fault, enter_l2 };
    Kind kind = Kind::succeed;
    u64 number = 0;  // of the error, or the vector
    u32 error_code = 0;
    u64 fault_address = 0;
    std::optional<u64> value{};  // that VMREAD or VMPTRST gives, where it is known
    bool gives_value = false;
};

class Reference {
  public:
    static constexpr u64 nowhere = ~u64{0};
    static constexpr u64 mapped_end = testing::FakeWorld::mapped_bytes;
    static constexpr unsigned invalid_opcode = 6, general_protection = 13, page_fault = 14;

    struct Vmcs {
        bool launched = false, shadow = false;
        std::map<u64, u64> values{};  // by encoding, where known
    };

    Reference(testing::FakeWorld& world, bool wide) : world_(world), wide_(wide) {}

    Expected execute(const Step& step) {
        const Expected result = outcome(step);
        // SDM 3C 31.2: the error number is in the current VMCS, where L1 reads it.
        if (result.kind == Expected::Kind::fail_valid) vmcss[current].values[0x4400] = result.number;
        return result;
    }
    void entered() { vmcss[current].launched = true; }

    bool in_vmx_operation = true;
    u64 vmxon_pointer = testing::FakeWorld::vmxon_region;
    u64 current = nowhere;
    std::map<u64, Vmcs> vmcss{};

  private:
    static Expected fault(unsigned vector, u32 code = 0, u64 address = 0) {
        return {
            .kind = Expected::Kind::fault, .number = vector, .error_code = code, .fault_address = address};
    }
    [[nodiscard]] Expected fail(u64 number) const {
        if (current == nowhere) return {.kind = Expected::Kind::fail_invalid};
        return {.kind = Expected::Kind::fail_valid, .number = number};
    }
    static Expected fail_invalid() { return {.kind = Expected::Kind::fail_invalid}; }

    [[nodiscard]] const Capabilities& offered() const { return world_.offered(); }
    [[nodiscard]] u64 operand_width() const { return wide_ ? 8 : 4; }
    [[nodiscard]] u64 operand_mask() const { return wide_ ? ~u64{0} : 0xffff'ffff; }

    /// The fault of a memory operand through a flat DS, if it has one. Low memory alone is mapped, for
    /// supervisors.
    [[nodiscard]] std::optional<Expected> operand_fault(u64 address, u64 bytes, bool writes) const {
        const u64 last = address + bytes - 1;
        const auto bad = [&](u64 at) {
            return wide_ ? (at >> 47) != 0 && (at >> 47) != 0x1'ffff : at >> 32 != 0;
        };
        if (bad(address) || bad(last)) return fault(general_protection);
        if (address < mapped_end && last < mapped_end) return std::nullopt;
        return fault(page_fault, writes ? 2 : 0, address < mapped_end ? mapped_end : address);
    }

    [[nodiscard]] u32 word_at(u64 address) const {
        return address + 4 <= world_.size() ? static_cast<u32>(world_.peek(address, 4)) : ~u32{0};
    }
    [[nodiscard]] bool page_address(u64 pointer) const {
        return pointer % 4096 == 0 && pointer >> offered().physical_address_width == 0;
    }
    [[nodiscard]] u32 revision() const { return static_cast<u32>(offered().basic) & 0x7fff'ffff; }
    [[nodiscard]] bool offers_shadowing() const { return (offered().secondary.raw >> 32 >> 14 & 1) != 0; }

    struct Found {
        u64 full = 0;  // the encoding without the access type
        bool high = false;
    };
    /// SDM 3C 25.11.2: bits 14:13 are the width, 11:10 the type, and bit 0 is the high half of a 64-bit
    /// field.
    [[nodiscard]] std::optional<Found> find(u64 encoding) const {
        encoding &= operand_mask();
        const bool high = (encoding & 1) != 0;
        if (high && (encoding >> 13 & 3) != 1) return std::nullopt;
        for (usize i = 0; i < field_count; ++i)
            if (field_rows[i].encoding.raw == (encoding & ~u64{1}) &&
                world_.field_exists(static_cast<FieldId>(i)))
                return Found{encoding & ~u64{1}, high};
        return std::nullopt;
    }
    static u64 width_mask(u64 encoding) {
        constexpr u64 masks[]{0xffff, ~u64{0}, 0xffff'ffff, ~u64{0}};
        return masks[encoding >> 13 & 3];
    }

    Expected outcome(const Step& step) {
        if (step.instruction == Instruction::vmxon) return vmxon(step);
        const bool is_invept = step.instruction == Instruction::invept;
        if (is_invept && (offered().ept_vpid >> 20 & 1) == 0) return fault(invalid_opcode);
        if (step.instruction == Instruction::invvpid && (offered().ept_vpid >> 32 & 1) == 0)
            return fault(invalid_opcode);
        if (!in_vmx_operation) return fault(invalid_opcode);
        if (step.cpl != 0) return fault(general_protection);
        switch (step.instruction) {
            case Instruction::vmread: return vmread(step);
            case Instruction::vmwrite: return vmwrite(step);
            case Instruction::vmclear: return vmclear(step);
            case Instruction::vmptrld: return vmptrld(step);
            case Instruction::vmptrst: return vmptrst(step);
            case Instruction::vmlaunch:
            case Instruction::vmresume: return vm_entry(step);
            case Instruction::invept:
            case Instruction::invvpid: return invalidate(step);
            case Instruction::vmcall: return fail(1);
            case Instruction::vmxon: break;
            case Instruction::vmxoff:
                in_vmx_operation = false;
                vmxon_pointer = current = nowhere;
                return {};
        }
        return {};
    }

    Expected vmxon(const Step& step) {
        if (step.cpl != 0) return fault(general_protection);
        if (in_vmx_operation) return fail(15);
        if (const auto faulted = operand_fault(step.address, 8, false)) return *faulted;
        const u64 pointer = world_.peek(step.address);
        if (!page_address(pointer) || word_at(pointer) != revision()) return fail_invalid();
        in_vmx_operation = true;
        vmxon_pointer = pointer;
        current = nowhere;
        return {};
    }

    Expected vmread(const Step& step) {
        if (current == nowhere) return fail_invalid();
        const auto found = find(step.encoding);
        if (!found) return fail(12);
        Expected result{.gives_value = true};
        const auto& values = vmcss[current].values;
        if (const auto known = values.find(found->full); known != values.end())
            result.value = (found->high ? known->second >> 32 : known->second) & operand_mask();
        if (step.in_register) return result;
        if (const auto faulted = operand_fault(step.address, operand_width(), true)) return *faulted;
        return result;
    }

    Expected vmwrite(const Step& step) {
        if (current == nowhere) return fail_invalid();
        u64 value = step.value;
        if (!step.in_register) {
            if (const auto faulted = operand_fault(step.address, operand_width(), false)) return *faulted;
            value = world_.peek(step.address, static_cast<unsigned>(operand_width()));
        }
        value &= operand_mask();
        const auto found = find(step.encoding);
        if (!found) return fail(12);
        const bool read_only = (found->full >> 10 & 3) == 1;
        if (read_only && (offered().misc >> 29 & 1) == 0) return fail(13);
        auto& values = vmcss[current].values;
        if (!found->high) {
            values[found->full] = value & width_mask(found->full);
        } else if (const auto known = values.find(found->full); known != values.end()) {
            known->second = (known->second & 0xffff'ffff) | value << 32;
        }
        return {};
    }

    Expected vmclear(const Step& step) {
        if (const auto faulted = operand_fault(step.address, 8, false)) return *faulted;
        const u64 pointer = world_.peek(step.address);
        if (!page_address(pointer)) return fail(2);
        if (pointer == vmxon_pointer) return fail(3);
        vmcss[pointer].launched = false;
        if (current == pointer) current = nowhere;
        return {};
    }

    Expected vmptrld(const Step& step) {
        if (const auto faulted = operand_fault(step.address, 8, false)) return *faulted;
        const u64 pointer = world_.peek(step.address);
        if (!page_address(pointer)) return fail(9);
        if (pointer == vmxon_pointer) return fail(10);
        const u32 word = word_at(pointer);
        const bool shadow = word >> 31 != 0;
        if ((word & 0x7fff'ffff) != revision() || (shadow && !offers_shadowing())) return fail(11);
        current = pointer;
        vmcss[pointer].shadow = shadow;
        return {};
    }

    Expected vmptrst(const Step& step) const {
        if (const auto faulted = operand_fault(step.address, 8, true)) return *faulted;
        return {.value = current, .gives_value = true};
    }

    Expected vm_entry(const Step& step) {
        if (current == nowhere || vmcss[current].shadow) return fail_invalid();
        if (step.mov_ss_blocking) return fail(26);
        const bool launched = vmcss[current].launched, launch = step.instruction == Instruction::vmlaunch;
        if (launch && launched) return fail(4);
        if (!launch && !launched) return fail(5);
        return {.kind = Expected::Kind::enter_l2};
    }

    /// SDM 3C 31.3, INVEPT and INVVPID, with the types that IA32_VMX_EPT_VPID_CAP lists (3D A.10).
    [[nodiscard]] Expected invalidate(const Step& step) const {
        if (const auto faulted = operand_fault(step.address, 16, false)) return *faulted;
        const u64 type = step.encoding & operand_mask(), low = world_.peek(step.address);
        const u64 high = world_.peek(step.address + 8), capable = offered().ept_vpid;
        if (step.instruction == Instruction::invept) {
            const bool known =
                (type == 1 && (capable >> 25 & 1) != 0) || (type == 2 && (capable >> 26 & 1) != 0);
            if (!known || (type == 1 && !valid_eptp(low))) return fail(28);
            return {};
        }
        if (type > 3 || (capable >> (40 + type) & 1) == 0 || low >> 16 != 0) return fail(28);
        const bool canonical = high >> 47 == 0 || high >> 47 == 0x1'ffff;
        if ((type != 2 && low == 0) || (type == 0 && !canonical)) return fail(28);
        return {};
    }

    /// SDM 3C 27.2.1.1.
    [[nodiscard]] bool valid_eptp(u64 eptp) const {
        const u64 capable = offered().ept_vpid, type = eptp & 7;
        const bool type_known =
            (type == 0 && (capable >> 8 & 1) != 0) || (type == 6 && (capable >> 14 & 1) != 0);
        const bool flags_known = (eptp >> 6 & 1) == 0 || (capable >> 21 & 1) != 0;
        return type_known && flags_known && (eptp >> 3 & 7) == 3 && (eptp >> 7 & 31) == 0 &&
               eptp >> offered().physical_address_width == 0;
    }

    testing::FakeWorld& world_;
    bool wide_;
};

}  // namespace kurma::vmx::fuzz
