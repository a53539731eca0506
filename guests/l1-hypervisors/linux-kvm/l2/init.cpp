// The first and only process of the Linux L2: says where it runs, then switches its machine off.
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace {

bool cpuinfo_says_hypervisor() {
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);) {
        if (line.starts_with("flags") && line.find(" hypervisor") != std::string::npos) return true;
    }
    return false;
}

}  // namespace

int main() {
    if (mount("proc", "/proc", "proc", 0, nullptr) != 0) std::perror("L2: mounting /proc");
    utsname name{};
    uname(&name);
    std::printf("L2: %s %s here, /proc/cpuinfo says %s, my init is running\n", name.sysname, name.release,
                cpuinfo_says_hypervisor() ? "hypervisor" : "no hypervisor");
    std::printf("L2: switching off\n");
    std::fflush(stdout);
    tcdrain(STDOUT_FILENO);
    reboot(RB_POWER_OFF);
    std::perror("L2: switching off");
    return 1;
}
