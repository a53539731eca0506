// The VMCS that is current on this processor, as an accessor: VMREAD and VMWRITE, counted.
#pragma once

#include "../hw/vmx.hpp"
#include "cpu.hpp"

namespace kurma::l0 {

/// Which of the two kinds of VMCS a piece of code may touch. A `CurrentVmcs<Which>` is made by making it
/// current.
enum class Which : u8 { vmcs01, vmcs02 };

template <Which W>
class CurrentVmcs {
  public:
    [[gnu::always_inline]] u64 read_raw(vmx::FieldId id) const {
        ++totals_->vmread;
        return hw::vmread(vmx::encodings[static_cast<usize>(id)]);
    }
    [[gnu::always_inline]] void write_raw(vmx::FieldId id, u64 value) const {
        ++totals_->vmwrite;
        hw::vmwrite(vmx::encodings[static_cast<usize>(id)], value);
    }

  private:
    friend CurrentVmcs<Which::vmcs01> make_vmcs01_current(Cpu&);
    friend CurrentVmcs<Which::vmcs02> make_vmcs02_current(Cpu&, const VmcsSlot&);
    friend CurrentVmcs<Which::vmcs01> vmcs01_after_exit(Cpu&);
    friend CurrentVmcs<Which::vmcs02> vmcs02_after_exit(Cpu&);
    explicit CurrentVmcs(Totals& totals) : totals_(&totals) {}
    Totals* totals_;
};

/// vmcs01 of a turn that is short and known whole beforehand: its VMREADs are added up while Kurma is
/// compiled, and counted at once when the turn is over (`settle`).
class QuickVmcs01 {
  public:
    [[gnu::always_inline]] explicit QuickVmcs01(Cpu& cpu) : totals_(cpu.totals) {}
    [[gnu::always_inline]] void settle() { totals_.vmread += reads_; }
    QuickVmcs01(const QuickVmcs01&) = delete;
    QuickVmcs01& operator=(const QuickVmcs01&) = delete;

    [[gnu::always_inline]] u64 read_raw(vmx::FieldId id) {
        return read_encoding(vmx::encodings[static_cast<usize>(id)]);
    }
    [[gnu::always_inline]] void write_raw(vmx::FieldId id, u64 value) {
        write_encoding(vmx::encodings[static_cast<usize>(id)], value);
    }
    [[gnu::always_inline]] u64 read_encoding(u64 encoding) {
        ++reads_;
        return hw::vmread(encoding);
    }
    [[gnu::always_inline]] void write_encoding(u64 encoding, u64 value) {
        ++totals_.vmwrite;
        hw::vmwrite(encoding, value);
    }

  private:
    Totals& totals_;
    u64 reads_ = 0;
};

[[gnu::always_inline]] inline void make_current(Cpu& cpu, ept::Hpa vmcs) {
    if (cpu.current == vmcs) return;
    ++cpu.totals.vmptrld;
    hw::vmptrld(vmcs);
    cpu.current = vmcs;
}
[[gnu::always_inline]] inline CurrentVmcs<Which::vmcs01> make_vmcs01_current(Cpu& cpu) {
    make_current(cpu, cpu.vmcs01);
    return CurrentVmcs<Which::vmcs01>{cpu.totals};
}
[[gnu::always_inline]] inline CurrentVmcs<Which::vmcs02> make_vmcs02_current(Cpu& cpu, const VmcsSlot& slot) {
    make_current(cpu, slot.vmcs02);
    cpu.relink = true;
    return CurrentVmcs<Which::vmcs02>{cpu.totals};
}

/// The VMCS that the processor has left by the exit is current, until the turn makes another one so.
[[gnu::always_inline]] inline CurrentVmcs<Which::vmcs01> vmcs01_after_exit(Cpu& cpu) {
    return CurrentVmcs<Which::vmcs01>{cpu.totals};
}
[[gnu::always_inline]] inline CurrentVmcs<Which::vmcs02> vmcs02_after_exit(Cpu& cpu) {
    return CurrentVmcs<Which::vmcs02>{cpu.totals};
}

}  // namespace kurma::l0
