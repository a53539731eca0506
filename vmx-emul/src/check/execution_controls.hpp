// The first of the three sections of control fields; it is as long as the other two together.
#pragma once

#include <vmx/check.hpp>

namespace kurma::vmx {

/// SDM 3C 27.2.1.1, in its order, less the TPR threshold against the virtual TPR.
CheckResult check_execution_controls(const Vmcs12& vmcs12, const Capabilities& offered);

}  // namespace kurma::vmx
