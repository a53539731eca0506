// The little of ACPI that L0 needs: where L1 switches the machine off, and how many processors there are.
#pragma once

#include <ept/integer.hpp>

namespace kurma::l0::boot {

struct AcpiFacts {
    u16 pm1a_control_port = 0;
    /// Enabled processors; 0 if there is no MADT to tell.
    u32 processors = 0;
};

AcpiFacts read_acpi();

}  // namespace kurma::l0::boot
