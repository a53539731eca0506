// KVM's kernel modules, loaded with the parameters that the front door asks for.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace kurma::keeper {

// What cannot be had, in words for people.
struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Loads KVM; `parameters` are NAME=VALUE of kvm_intel. Throws Refused unless each is what KVM then settled
// on: Linux itself passes over a name that it does not know, and KVM over a value that the processor does not
// allow.
void load_kvm(const std::vector<std::string>& parameters);

}  // namespace kurma::keeper
