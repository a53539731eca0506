// The world of vmx::emulate on metal: L1's registers, L1's memory, the VMCSs of this processor.
#pragma once

#include <vmx/emulate.hpp>

#include "../cpu/vmcs.hpp"
#include "../hw/cpu.hpp"
#include "ept02.hpp"
#include "shadow_copy.hpp"
#include "slots.hpp"

namespace kurma::l0 {

class L1World {
  public:
    L1World(Cpu& cpu, Gprs& gprs) : cpu_(cpu), gprs_(gprs), vmcs01_(vmcs01_after_exit(cpu)) {}

    /// Current since L1 left: what needs another VMCS in between makes this one current again.
    const CurrentVmcs<Which::vmcs01>& vmcs01() const { return vmcs01_; }
    u64 gpr(unsigned index) {
        return index == Gprs::rsp ? read(vmcs01(), vmx::field::guest_rsp) : gprs_.value[index];
    }
    void set_gpr(unsigned index, u64 value) {
        if (index == Gprs::rsp)
            write(vmcs01(), vmx::field::guest_rsp, value);
        else
            gprs_.value[index] = value;
    }
    Gprs& gprs() { return gprs_; }
    [[gnu::always_inline]] x86::Translation translate_linear(const x86::PagingRegisters& regs, u64 linear,
                                                             x86::DataAccess access) {
        ept::L1Gpa address{0};
        if (cpu_.last_walk.find(regs, linear, access, address)) [[likely]]
            return {true, address, {}};
        return walk(regs, linear, access);
    }
    void set_cr2(u64 value) { hw::write_cr2(value); }
    vmx::NestedState& nested() { return cpu_.nested; }
    const vmx::Capabilities& offered() const { return cpu_.machine->offered; }
    bool field_exists(vmx::FieldId id) const { return cpu_.machine->offered_fields.has(id); }

    u64 cr0_of_l1() {
        const u64 mask = x86::cr0::ne;
        return (read(vmcs01(), vmx::field::guest_cr0) & ~mask) |
               (read(vmcs01(), vmx::field::cr0_read_shadow) & mask);
    }
    u64 cr4_of_l1() {
        const u64 mask = x86::cr4::vmxe;
        return (read(vmcs01(), vmx::field::guest_cr4) & ~mask) |
               (read(vmcs01(), vmx::field::cr4_read_shadow) & mask);
    }

    // L1's memory. Where there is none, reads give ones and writes go nowhere, as on a bus that nobody
    // answers.
    std::optional<u64> read_u64(ept::L1Gpa at) {
        const auto host = translate(at);
        if (!host) return std::nullopt;
        const u64 value = *mm::at<volatile u64>(*host);
        cpu_.last_walk.note(*host, value);
        return value;
    }
    std::optional<u32> read_u32(ept::L1Gpa at) const { return read_memory<u32>(at); }
    void or_u8(ept::L1Gpa at, u8 bits) {
        if (const auto host = translate_for_write(at))
            __atomic_fetch_or(mm::at<u8>(*host), bits, __ATOMIC_SEQ_CST);
    }
    u64 pdpte(unsigned index) const {
        constexpr vmx::FieldId fields[] = {vmx::FieldId::guest_pdpte0, vmx::FieldId::guest_pdpte1,
                                           vmx::FieldId::guest_pdpte2, vmx::FieldId::guest_pdpte3};
        return vmcs01().read_raw(fields[index]);
    }
    u64 read_bytes(ept::L1Gpa at, unsigned bytes) const {
        const auto host = translate(at);
        if (host && bytes == 8) return *mm::at<volatile u64>(*host);
        u64 value = host ? 0 : ~u64{0};
        if (host) __builtin_memcpy(&value, mm::at<void>(*host), bytes);
        return value & ((u64{1} << (8 * bytes)) - 1);
    }
    void write_bytes(ept::L1Gpa at, u64 value, unsigned bytes) {
        if (const auto host = translate_for_write(at)) __builtin_memcpy(mm::at<void>(*host), &value, bytes);
    }

    vmx::Vmcs12* find_active(ept::L1Gpa region) {
        VmcsSlot* const slot = find_slot(cpu_, region);
        return slot != nullptr ? &slot->vmcs12 : nullptr;
    }
    vmx::Vmcs12* activate(ept::L1Gpa region) {
        VmcsSlot& slot = activate_slot(cpu_, region);
        make_vmcs01_current(cpu_);
        return &slot.vmcs12;
    }
    void deactivate_clear(vmx::Vmcs12& v) {
        clear_slot(cpu_, slot_of(v));
        make_vmcs01_current(cpu_);
    }
    void mark_clear(ept::L1Gpa region) { mark_region_clear(cpu_, region); }
    u64 read_home02(vmx::Vmcs12& v, vmx::FieldId id) {
        const u64 value = make_vmcs02_current(cpu_, slot_of(v)).read_raw(id);
        make_vmcs01_current(cpu_);
        return value;
    }
    void write_home02(vmx::Vmcs12& v, vmx::FieldId id, u64 value) {
        VmcsSlot& slot = slot_of(v);
        if (slot.reach == Reach::copy) [[unlikely]]
            before_write(cpu_, slot, id);
        make_vmcs02_current(cpu_, slot).write_raw(id, value);
        make_vmcs01_current(cpu_);
    }
    void drop_ept02(ept::Eptp eptp12) { l0::drop_ept02(cpu_, eptp12); }
    void drop_all_ept02() { l0::drop_all_ept02(cpu_); }
    void drop_vpid02(u16 vpid12) { l0::drop_vpid02(cpu_, vpid12); }
    void drop_all_vpid02() { l0::drop_all_vpid02(cpu_); }

  private:
    [[gnu::noinline]] x86::Translation walk(const x86::PagingRegisters& regs, u64 linear,
                                            x86::DataAccess access) {
        cpu_.last_walk.begin();
        const x86::Translation found = x86::translate_linear(*this, regs, linear, access);
        if (found.ok) cpu_.last_walk.end(regs, linear, access, found.address, translate(found.address));
        return found;
    }
    std::optional<ept::Hpa> translate(ept::L1Gpa at) const { return cpu_.machine->partition.translate(at); }
    std::optional<ept::Hpa> translate_for_write(ept::L1Gpa at) {
        return cpu_.machine->partition.translate_for_write(at);
    }
    template <class T>
    std::optional<T> read_memory(ept::L1Gpa at) const {
        const auto host = translate(at);
        if (!host) return std::nullopt;
        return *mm::at<volatile T>(*host);
    }

    Cpu& cpu_;
    Gprs& gprs_;
    CurrentVmcs<Which::vmcs01> vmcs01_;
};

}  // namespace kurma::l0
