// What Kurma needs of a processor, and what to say where it is missing.
#pragma once

#include <vmx/capability.hpp>

namespace kurma::l0 {

/// Reads the VMX capability MSRs of this processor. Only valid where `missing_before_msrs` found nothing.
vmx::Capabilities read_capabilities();

/// Ends the run with one line where VMX is absent, locked off, or lacks what Kurma is built on. Sets and
/// locks IA32_FEATURE_CONTROL where the firmware left it open.
void require_processor();

/// What Kurma is built on: EPT with its page sizes, unrestricted guest, and switching of PAT and EFER by the
/// VMCS.
void require_features(const vmx::Capabilities& host);

}  // namespace kurma::l0
