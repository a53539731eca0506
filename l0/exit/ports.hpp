// The ports by which a guest switches the machine off or resets it. They are watched so that the counters are
// written first; every other access to them goes on to the device.
#pragma once

#include <vmx/qualification.hpp>

#include "l1_world.hpp"

namespace kurma::l0 {

vmx::InstrOutcome answer_port(Cpu& cpu, L1World& world);
vmx::InstrOutcome answer_port_access(Cpu& cpu, Gprs& gprs, vmx::IoQualification io);
/// Sets the bits of these ports in L0's I/O bitmaps.
void intercept_power_ports(const Machine& machine);

}  // namespace kurma::l0
