// L0's own GDT, TSS and IDT.
#pragma once

#include <ept/integer.hpp>

namespace kurma::l0 {

inline constexpr u16 code_selector = 8;
inline constexpr u16 data_selector = 16;
inline constexpr u16 tss_selector = 24;

struct DescriptorTables {
    u64 gdt_base, idt_base, tss_base;
};

/// Loads them on this processor and says where they are, for the host state of its VMCSs.
DescriptorTables load_descriptor_tables();

}  // namespace kurma::l0
