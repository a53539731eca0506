// One violation for every row of checks.def: what an entry that passes everything becomes when only that rule
// is broken.
#pragma once

#include <vector>
#include <vmx/msr_area.hpp>

#include "guest.hpp"

namespace kurma::vmx::testing {

/// All that the doors of CHECK look at.
struct EntryWorld {
    Capabilities offered;
    Vmcs12 v;
    GuestSurroundings around{};
    L1Mode mode = L1Mode::ia32e;
    u8 vtpr = 0;
    MsrAreaEntry load{}, store{};
};

struct Violation {
    CheckId id;
    std::function<void(EntryWorld&)> commit;

    Violation(CheckId which, const Change& change)
        : id(which), commit([change](EntryWorld& w) { change(w.v); }) {}
    static Violation in(CheckId id, std::function<void(EntryWorld&)> commit) {
        Violation violation{id, Change{}};
        violation.commit = std::move(commit);
        return violation;
    }
};

/// An entry to 64-bit code with every control that Kurma offers on some processor at hand.
EntryWorld valid_world();
/// The name of the first rule that is broken, the doors asked in the order of an entry. An entry to SMM is
/// asked about at the door to guest state alone, unless it is offered.
CheckId first_broken_rule(const EntryWorld& world);
std::vector<Violation> every_violation();

}  // namespace kurma::vmx::testing
