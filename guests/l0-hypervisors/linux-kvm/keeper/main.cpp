// The first and only process of the Linux that is L0: loads KVM, runs L1 in QEMU, tells how it ended,
// switches off. What to do stands in two files, a word a line, which the front door adds to the root image:
// /l1/kvm_intel has the module's parameters, /l1/qemu QEMU's arguments.
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "machine.hpp"
#include "modules.hpp"
#include "ports.hpp"

namespace kurma::keeper {
namespace {

void mount_or_throw(const char* type, const char* where) {
    if (mount(type, where, type, 0, nullptr) != 0 && errno != EBUSY)
        throw std::system_error(errno, std::generic_category(), where);
}

std::vector<std::string> lines_of(const char* path) {
    std::ifstream file(path);
    if (!file) throw Refused(std::string(path) + " is not in the root image");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

const char* run() {
    mount_or_throw("proc", "/proc");
    mount_or_throw("sysfs", "/sys");
    mount_or_throw("devtmpfs", "/dev");
    mount_or_throw("tmpfs", "/tmp");
    utsname linux_name{};
    uname(&linux_name);
    say(std::string(linux_name.sysname) + " " + linux_name.release);
    load_kvm(lines_of("/l1/kvm_intel"));
    return name(run_machine(lines_of("/l1/qemu")));
}

void keep() {
    const char* cause = "panic";
    try {
        cause = run();
    } catch (const Refused& refused) {
        say(std::string("refused: ") + refused.what());
        cause = "refused";
    } catch (const std::exception& error) {
        say(std::string("panic: ") + error.what());
    }
    say(std::string("end ") + cause);
    switch_off();
}

}  // namespace
}  // namespace kurma::keeper

int main() {
    kurma::keeper::open_ports();
    kurma::keeper::keep();
    return 1;  // The kernel panics when its first process ends, which then says enough.
}
