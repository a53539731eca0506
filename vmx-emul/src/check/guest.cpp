// Guest state, section after section (SDM 3C 27.3.1).
#include "guest.hpp"

namespace kurma::vmx {

GuestCheckResult check_guest_state(const Vmcs12& vmcs12, const Capabilities& offered,
                                   const GuestSurroundings& surroundings) {
    using namespace guest_checks;
    return first_broken({vmcs12, offered, surroundings},
                        {check_guest_registers, check_guest_segments, check_guest_tables, check_guest_rip,
                         check_guest_non_register, check_guest_pdptes});
}

}  // namespace kurma::vmx
