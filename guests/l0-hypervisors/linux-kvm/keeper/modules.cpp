#include "modules.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "ports.hpp"

namespace kurma::keeper {
namespace {

// Returns 0 or the error number.
int load(const std::string& name, const std::string& parameters) {
    const int file = open(("/lib/modules/" + name + ".ko").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno;
    const long result = syscall(SYS_finit_module, file, parameters.c_str(), 0);
    const int error = result == 0 ? 0 : errno;
    close(file);
    return error;
}

void load_or_refuse(const std::string& name, const std::string& parameters) {
    const int error = load(name, parameters);
    if (error == 0) return;
    throw Refused(name + " was not loaded (" + std::generic_category().message(error) +
                  "): no VMX on this processor, or a wrong value in '" + parameters + "'");
}

std::string settled(const std::string& parameter) {
    std::ifstream file("/sys/module/kvm_intel/parameters/" + parameter);
    std::string value;
    if (!std::getline(file, value)) throw Refused("kvm_intel has no parameter " + parameter);
    return value;
}

// Linux shows a switch as Y or N, however it was written.
std::string as_shown(const std::string& value) {
    if (value == "1" || value == "y" || value == "on") return "Y";
    if (value == "0" || value == "n" || value == "off") return "N";
    return value;
}

}  // namespace

void load_kvm(const std::vector<std::string>& parameters) {
    std::string words;
    for (const std::string& parameter : parameters) words += (words.empty() ? "" : " ") + parameter;
    // With this one first, Linux hashes the two large modules, whose signatures it checks, with SSSE3 or
    // AVX2; a processor that has neither goes without.
    static_cast<void>(load("sha256-ssse3", ""));
    load_or_refuse("irqbypass", "");
    load_or_refuse("kvm", "");
    load_or_refuse("kvm-intel", words);
    for (const std::string& parameter : parameters) {
        const auto equals = parameter.find('=');
        const std::string name = parameter.substr(0, equals), wanted = parameter.substr(equals + 1);
        const std::string value = settled(name);
        if (value != wanted && value != as_shown(wanted))
            throw Refused("KVM has settled on " + name + "=" + value + ", not " + wanted +
                          ": this processor does not allow it, or another parameter does not");
    }
    std::string all = "kvm_intel has settled on";
    for (const char* name :
         {"nested", "enable_shadow_vmcs", "ept", "vpid", "unrestricted_guest", "enable_apicv"})
        all += std::string(" ") + name + "=" + settled(name);
    say(all);
}

}  // namespace kurma::keeper
