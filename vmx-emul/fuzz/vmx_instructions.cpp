// Any series of VMX instructions with any operands comes to what the manual says: flags, faults, error
// numbers, values (law Round trip), and L1's memory outside of its VMCSs is as it was.
//
// An input is a program of an L1, 64-bit or 32-bit: instructions, and writes to its memory between them.
// Forms of memory operands are vmx_operand's; here an operand lies at a displacement.
#include "instruction_reference.hpp"
#include "machine.hpp"

namespace kurma::vmx::fuzz {
namespace {

using testing::FakeWorld;

constexpr unsigned max_steps = 500;
constexpr u64 regions[]{FakeWorld::vmxon_region, FakeWorld::region_a, FakeWorld::region_b,
                        FakeWorld::region_c};
constexpr u64 arithmetic_flags = 0x8d5, carry = 1, zero = 0x40, resume = 0x10000;

/// One for each kind of L1: few slots, so that VMCSs are evicted.
Machine& machine(bool wide) {
    static constexpr usize slots = 2;
    static Machine machines[]{Machine{testing::haswell(), slots}, Machine{testing::haswell(), slots}};
    static const bool ready = [] {
        machines[0].become_32_bit();
        for (Machine& each : machines) {
            for (const u64 region : regions) each.poke(region, each.offered().revision(), 4);
            each.remember();
        }
        return true;
    }();
    law(ready, "the machines are set up");
    return machines[wide ? 1 : 0];
}

const char* name_of(Instruction instruction) {
    constexpr const char* names[]{"VMREAD",  "VMWRITE",  "VMXON",    "VMXOFF", "VMCLEAR", "VMPTRLD",
                                  "VMPTRST", "VMLAUNCH", "VMRESUME", "INVEPT", "INVVPID", "VMCALL"};
    return names[static_cast<usize>(instruction)];
}

class Program {
  public:
    explicit Program(Input& input)
        : input_(input), wide_(input.flag()), machine_(machine(wide_)), reference_(machine_, wide_) {
        machine_.offer(choose_processor(input).offered);
        for (const u64 region : regions) machine_.change(region, machine_.offered().revision(), 4);
        for (unsigned number = 0; number < gpr_count; ++number) machine_.set_gpr(number, 0);
    }
    ~Program() { machine_.set_back(); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void run() {
        for (unsigned i = 0; i < max_steps && !input_.at_end(); ++i) {
            const u8 choice = input_.byte();
            if (choice == 0xff) {
                input_.storm();
            } else if (choice >= 0xd0) {
                change_memory();
            } else {
                execute(choice);
            }
        }
    }

  private:
    static constexpr unsigned gpr_count = 16, value_register = 3, encoding_register = 9;

    u64 pointer() {
        const u8 choice = input_.byte();
        const u64 region = regions[choice % 4];
        switch (choice >> 4) {
            case 0: return region | 1u << (choice >> 2 & 3);
            case 1: return u64{1} << machine_.offered().physical_address_width;
            case 2: return machine_.size() + (u64{choice & 3u} << 12);
            case 3: return input_.number();
            default: return region;
        }
    }

    /// A VMCS's revision, or a pointer where an operand may find it.
    void change_memory() {
        const u8 choice = input_.byte();
        if (choice < 0x20) {
            const u64 region = regions[choice % 4];
            const u32 flip = choice < 0x10 ? shadow_indicator : u32{1} << input_.byte() % 32;
            const u64 before = machine_.peek(region, 4);
            machine_.change(region, before ^ flip, 4);
            tell("L1 writes [%#lx] = %#lx", region, before ^ flip);
            return;
        }
        const u64 at = FakeWorld::operand_at + (choice & 7u) * 8;
        const u64 value = choice < 0xe0 ? pointer() : input_.number();
        machine_.change(at, value);
        tell("L1 writes [%#lx] = %#lx", at, value);
    }

    /// Where the memory operand lies; no instruction writes into the middle of a VMCS, whose format is L0's.
    u64 operand_address(bool writes) {
        const u8 choice = input_.byte();
        if (choice < 0xc0) return FakeWorld::operand_at + (choice & 7u) * 8;
        u64 address = 0;
        switch (choice >> 3 & 7) {
            case 0: address = FakeWorld::mapped_bytes - (choice & 7u); break;
            case 1: address = FakeWorld::mapped_bytes + input_.number(2); break;
            case 2: address = u64{1} << 47; break;
            case 3: address = (u64{1} << 47) - (choice & 7u); break;
            case 4: address = 0 - u64{choice & 7u}; break;
            case 5: address = input_.number(); break;
            default: address = input_.number(3); break;
        }
        if (!wide_) address &= 0xffff'ffff;
        if (writes && address < FakeWorld::operand_at) address += FakeWorld::operand_at;
        return address;
    }

    /// Often the field of an instruction before, or its other half.
    u64 encoding() {
        const u8 choice = input_.byte();
        if (choice < 0x60) return recent_ ^ (choice & 1u);
        if (choice >= 0xf0) return input_.number();
        recent_ = field_rows[input_.below(field_count)].encoding.raw;
        if (choice >= 0xe0) return recent_ ^ u64 { 1 } << input_.below(64);
        return choice >= 0xc0 ? recent_ | 1 : recent_;
    }

    /// An EPT pointer or a VPID, good or with one bit that should not be, and an address at the edges of
    /// canonical ones.
    void place_descriptor(Step& step) {
        constexpr u64 four_levels_write_back = 0x1e;
        const u8 choice = input_.byte();
        u64 low = step.instruction == Instruction::invept ? u64{choice} << 12 | four_levels_write_back
                                                          : choice & 0xfu;
        if (choice >= 0x80) low ^= u64{1} << input_.below(64);
        step.address = FakeWorld::operand_at;
        machine_.change(step.address, low);
        machine_.change(step.address + sizeof(u64), (u64{choice} << 45) - (choice & 1u));
        tell("descriptor %#lx, %#lx", low, machine_.peek(step.address + sizeof(u64)));
    }

    Step choose(u8 choice) {
        Step step{.instruction = static_cast<Instruction>(choice % 12)};
        const u8 form = input_.byte();
        const bool field = step.instruction <= Instruction::vmwrite;
        step.in_register = field && (form & 1) != 0;
        step.cpl = form >= 0xf8 ? 3 : 0;
        step.mov_ss_blocking = (form & 0xe0) == 0xc0;
        if (field) step.encoding = encoding();
        if (step.instruction == Instruction::invept || step.instruction == Instruction::invvpid)
            step.encoding = form >= 0x10 ? form & 3u : input_.number();
        if (step.instruction == Instruction::vmwrite) step.value = input_.number();
        const bool writes =
            step.instruction == Instruction::vmread || step.instruction == Instruction::vmptrst;
        if (!step.in_register) step.address = operand_address(writes);
        const bool invalidates =
            step.instruction == Instruction::invept || step.instruction == Instruction::invvpid;
        if (invalidates && (form & 4) != 0) place_descriptor(step);
        // Most pointers are those of a VMCS; what else an operand finds there is L1's earlier doing.
        const bool pointing = step.instruction == Instruction::vmxon ||
                              step.instruction == Instruction::vmclear ||
                              step.instruction == Instruction::vmptrld;
        if (pointing && (form & 2) != 0) {
            step.address = FakeWorld::operand_at;
            machine_.change(step.address, pointer());
        }
        if (pointing && spoils(step.address)) step.instruction = Instruction::vmcall;
        return step;
    }

    /// Whether the pointer there is one of memory that has another use here: L1 may make a VMCS of its page
    /// tables or of the operand itself, and would spoil them for itself, not for L0.
    bool spoils(u64 address) {
        if (address > FakeWorld::mapped_bytes - sizeof(u64)) return false;
        const u64 to = machine_.peek(address);
        return to < machine_.size() &&
               std::find(std::begin(regions), std::end(regions), to) == std::end(regions);
    }

    void arrange(const Step& step) {
        auto& vmcs01 = machine_.vmcs01();
        machine_.set_cpl(step.cpl);
        machine_.operand({.address_size = wide_ ? testing::AddressSize::bits64 : testing::AddressSize::bits32,
                          .register1 = step.in_register ? std::optional{value_register} : std::nullopt,
                          .register2 = encoding_register},
                         step.address);
        machine_.set_gpr(value_register, step.value);
        machine_.set_gpr(encoding_register, step.encoding);
        vmcs01.set(field::guest_interruptibility, step.mov_ss_blocking ? 2 : 0);
        vmcs01.set(field::guest_rip, FakeWorld::rip);
        vmcs01.set(field::guest_rflags, arithmetic_flags | 2);
        vmcs01.set(field::entry_interruption_info, InterruptionInfo{});
        machine_.forget_step();
    }

    InstrOutcome emulate(Instruction instruction) {
        switch (instruction) {
            case Instruction::vmread: return emulate_vmread(machine_);
            case Instruction::vmwrite: return emulate_vmwrite(machine_);
            case Instruction::vmxon: return emulate_vmxon(machine_);
            case Instruction::vmxoff: return emulate_vmxoff(machine_);
            case Instruction::vmclear: return emulate_vmclear(machine_);
            case Instruction::vmptrld: return emulate_vmptrld(machine_);
            case Instruction::vmptrst: return emulate_vmptrst(machine_);
            case Instruction::vmlaunch: return emulate_vm_entry(machine_, Reason::vmlaunch);
            case Instruction::vmresume: return emulate_vm_entry(machine_, Reason::vmresume);
            case Instruction::invept: return emulate_invept(machine_);
            case Instruction::invvpid: return emulate_invvpid(machine_);
            case Instruction::vmcall: return emulate_vmcall(machine_);
        }
        return {};
    }

    void execute(u8 choice) {
        const Step step = choose(choice);
        arrange(step);
        tell("%s: %s, address %#lx, encoding or type %#lx, value %#lx, CPL %u", name_of(step.instruction),
             step.in_register ? "register" : "memory", step.address, step.encoding, step.value, step.cpl);
        const Expected expected = reference_.execute(step);
        const InstrOutcome outcome = emulate(step.instruction);
        tell("  outcome %d, error %d, vector %d", static_cast<int>(outcome.kind),
             static_cast<int>(outcome.error), static_cast<int>(outcome.fault.vector));
        law_equal(static_cast<u64>(outcome.kind), kind_of(expected), "outcome");
        if (outcome.kind == InstrOutcome::Kind::enter_l2) {
            machine_.nested().current->launched = true;
            reference_.entered();
            law(machine_.writes.empty(), "an entry writes no memory");
            return;
        }
        finish(machine_, outcome);
        expect_visible(expected);
        expect_value(step, expected);
        expect_state();
    }

    static u64 kind_of(const Expected& expected) {
        switch (expected.kind) {
            case Expected::Kind::succeed: return static_cast<u64>(InstrOutcome::Kind::succeed);
            case Expected::Kind::fail_invalid: return static_cast<u64>(InstrOutcome::Kind::fail_invalid);
            case Expected::Kind::fail_valid: return static_cast<u64>(InstrOutcome::Kind::fail_valid);
            case Expected::Kind::fault: return static_cast<u64>(InstrOutcome::Kind::fault);
            case Expected::Kind::enter_l2: return static_cast<u64>(InstrOutcome::Kind::enter_l2);
        }
        return ~u64{0};
    }

    /// What L1 sees: a fault where it was, or the next instruction with one of three settings of the flags.
    void expect_visible(const Expected& expected) {
        auto& vmcs01 = machine_.vmcs01();
        const u64 event = vmcs01.get(field::entry_interruption_info).raw;
        if (expected.kind == Expected::Kind::fault) {
            constexpr u64 valid_hardware_exception = 0x8000'0300, delivers_error_code = 0x800;
            const bool has_error_code = expected.number != Reference::invalid_opcode;
            law_equal(event,
                      valid_hardware_exception | expected.number | (has_error_code ? delivers_error_code : 0),
                      "event to inject");
            if (has_error_code)
                law_equal(vmcs01.get(field::entry_exception_error_code), expected.error_code, "error code");
            if (expected.number == Reference::page_fault)
                law_equal(machine_.cr2().value(), expected.fault_address, "CR2");
            law_equal(vmcs01.get(field::guest_rip), FakeWorld::rip, "RIP of a fault");
            // What a fault pushes has the resume flag (SDM 3B 18.3.1.1).
            law_equal(vmcs01.get(field::guest_rflags), arithmetic_flags | 2 | resume, "RFLAGS of a fault");
            law(machine_.writes.empty(), "what faults writes no memory");
            law_equal(machine_.drops, 0, "what faults invalidates nothing");
            return;
        }
        const u64 flags = expected.kind == Expected::Kind::fail_invalid ? carry
                          : expected.kind == Expected::Kind::fail_valid ? zero
                                                                        : 0;
        law_equal(vmcs01.get(field::guest_rflags), flags | 2, "RFLAGS");
        law_equal(vmcs01.get(field::guest_rip), FakeWorld::rip + FakeWorld::instruction_length, "RIP");
        law_equal(vmcs01.get(field::guest_interruptibility), 0, "blocking ends with the instruction");
        law_equal(event, 0, "no event");
        if (expected.kind == Expected::Kind::fail_valid)
            law_equal(machine_.nested().current->get(field::vm_instruction_error), expected.number,
                      "error number");
    }

    /// What VMREAD and VMPTRST give, and that nothing else is written.
    void expect_value(const Step& step, const Expected& expected) {
        for (unsigned number = 0; number < gpr_count; ++number) {
            const bool is_target = number == value_register && step.instruction == Instruction::vmread &&
                                   step.in_register && expected.gives_value;
            const u64 before = number == value_register      ? step.value
                               : number == encoding_register ? step.encoding
                                                             : 0;
            if (!is_target) law_equal(machine_.gpr(number), before, "a register that is no operand");
        }
        const bool to_memory = expected.gives_value && !step.in_register;
        if (!to_memory) {
            law(machine_.writes.empty(), "what gives no value to memory writes none");
            if (expected.value) law_equal(machine_.gpr(value_register), *expected.value, "round trip: value");
            return;
        }
        const u64 bytes = wide_ || step.instruction == Instruction::vmptrst ? 8 : 4;
        u64 written = 0;
        for (const Machine::Write& write : machine_.writes) {
            law(write.at >= step.address && write.at + write.count <= step.address + bytes,
                "writes its operand");
            written += write.count;
        }
        law_equal(written, bytes, "bytes written");
        const u64 value = machine_.peek(step.address, static_cast<unsigned>(bytes));
        if (expected.value) law_equal(value, *expected.value, "round trip: value in memory");
    }

    void expect_state() {
        const NestedState& nested = machine_.nested();
        law_equal(nested.in_vmx_operation, reference_.in_vmx_operation, "in VMX operation");
        law_equal(nested.vmxon_pointer, reference_.vmxon_pointer, "VMXON pointer");
        const u64 current = nested.current == nullptr ? Reference::nowhere : nested.current->region.value();
        law_equal(current, reference_.current, "current VMCS");
        for (const u64 at : machine_.flagged)
            law(at >= FakeWorld::tables_at, "flags are set in page tables only");
    }

    Input& input_;
    bool wide_;
    Machine& machine_;
    Reference reference_;
    u64 recent_ = field_rows[0].encoding.raw;
};

}  // namespace
}  // namespace kurma::vmx::fuzz

extern "C" int LLVMFuzzerTestOneInput(const kurma::u8* bytes, kurma::usize size) {
    kurma::fuzz::Input input{bytes, size};
    kurma::vmx::fuzz::Program{input}.run();
    return 0;
}
