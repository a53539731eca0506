// All that the emulation of L1's VMX instructions sees of the world: L1's registers and memory, the VMCSs
// that L0 keeps for it, and the orders to forget translations.
#pragma once

#include <memory>
#include <vmx/emulate.hpp>

#include "capability_sets.hpp"
#include "fake_vmcs.hpp"
#include "operand_form.hpp"
#include "page_tables.hpp"

namespace kurma::vmx::testing {

class FakeWorld : public FakeMemory {
  public:
    /// Memory of L1. Its first 2 MiB are mapped one to one, supervisor, read-write, in 4K pages.
    static constexpr usize memory_bytes = 8u << 20;
    static constexpr u64 mapped_bytes = 2u << 20;
    static constexpr u64 tables_at = 6u << 20;
    static constexpr u64 vmxon_region = 0x1000;
    /// Where tests put VMCSs and operands.
    static constexpr u64 region_a = 0x2000, region_b = 0x3000, region_c = 0x4000, operand_at = 0x1'0000;
    static constexpr u64 rip = 0x9000, rflags = 0x46;
    static constexpr u32 instruction_length = 4;

    struct Slot {
        Vmcs12 vmcs12;
        FakeVmcs vmcs02;
    };

    /// A 64-bit L1 at CPL 0 that has VMXON and the feature-control MSR behind it.
    explicit FakeWorld(const Capabilities& offered = haswell(), usize slots = 4);

    // What the concept asks for.
    FakeVmcs& vmcs01() { return vmcs01_; }
    u64 gpr(unsigned number) {
        return number == gpr::rsp ? vmcs01_.read_raw(FieldId::guest_rsp) : gprs_.at(number);
    }
    void set_gpr(unsigned number, u64 value) {
        if (number == gpr::rsp)
            vmcs01_.write_raw(FieldId::guest_rsp, value);
        else
            gprs_.at(number) = value;
    }
    u64 cr0_of_l1() const { return cr0_; }
    u64 cr4_of_l1() const { return cr4_; }
    void set_cr2(u64 value) { cr2_ = value; }
    NestedState& nested() { return nested_; }
    const Capabilities& offered() { return offered_; }
    bool field_exists(FieldId id) const { return offered_.exists(row_of(id).exists); }
    PlainField plain_field(u64 encoding) const {
        return vmx::plain_field(encoding, existing_fields(offered_));
    }
    x86::Translation translate_linear(const x86::PagingRegisters& regs, u64 linear, x86::DataAccess access) {
        return x86::translate_linear(*this, regs, linear, access);
    }
    Vmcs12* find_active(ept::L1Gpa at);
    Vmcs12* activate(ept::L1Gpa at);
    void deactivate_clear(Vmcs12& v);
    void mark_clear(ept::L1Gpa at);
    u64 read_home02(Vmcs12& v, FieldId id) { return slot_of(v).vmcs02.read_raw(id); }
    void write_home02(Vmcs12& v, FieldId id, u64 value) { slot_of(v).vmcs02.write_raw(id, value); }
    void drop_ept02(Eptp eptp) { dropped_eptps_.push_back(eptp); }
    void drop_all_ept02() { ++all_ept02_dropped_; }
    void drop_vpid02(u16 vpid) { dropped_vpids_.push_back(vpid); }
    void drop_all_vpid02() { ++all_vpid02_dropped_; }

    // For tests.
    void become_32_bit();
    void set_cr0(u64 value) { cr0_ = value; }
    void set_cr4(u64 value) { cr4_ = value; }
    /// The CPL that L1 has: that of SS (SDM 3C 25.4.1).
    void set_cpl(u32 cpl);
    /// The instruction's memory operand lies at this displacement, without base or index, in DS.
    void memory_operand(u64 address, unsigned register2 = 0);
    void operand(const OperandForm& form, u64 displacement = 0);
    /// A memory operand that holds a pointer, as VMPTRLD and its like have.
    void pointer_operand(u64 pointer);
    /// Puts the revision at `region` and makes that VMCS current.
    Slot& make_current(u64 region = region_a);
    Slot& slot_of(const Vmcs12& v);
    PageTables& tables() { return tables_; }
    [[nodiscard]] const std::optional<u64>& cr2() const { return cr2_; }
    [[nodiscard]] const std::vector<Eptp>& dropped_eptps() const { return dropped_eptps_; }
    [[nodiscard]] const std::vector<u16>& dropped_vpids() const { return dropped_vpids_; }
    [[nodiscard]] int all_ept02_dropped() const { return all_ept02_dropped_; }
    [[nodiscard]] int all_vpid02_dropped() const { return all_vpid02_dropped_; }
    [[nodiscard]] bool nothing_dropped() const {
        return dropped_eptps_.empty() && dropped_vpids_.empty() && all_ept02_dropped_ == 0 &&
               all_vpid02_dropped_ == 0;
    }
    void offer(const Capabilities& offered) { offered_ = offered; }

  private:
    enum class LaunchState : u8 { clear, kept };
    void write_back(Slot& slot, LaunchState state);

    Capabilities offered_;
    usize capacity_;
    FakeVmcs vmcs01_;
    std::array<u64, 16> gprs_{};
    u64 cr0_ = 0, cr4_ = 0;
    std::optional<u64> cr2_;
    NestedState nested_{};
    std::vector<std::unique_ptr<Slot>> slots_;
    std::vector<Eptp> dropped_eptps_;
    std::vector<u16> dropped_vpids_;
    int all_ept02_dropped_ = 0, all_vpid02_dropped_ = 0;
    PageTables tables_;
};

static_assert(InstructionWorld<FakeWorld>);

}  // namespace kurma::vmx::testing
