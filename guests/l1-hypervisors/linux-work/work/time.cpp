#include "time.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "stretch.hpp"

namespace kurma::work {
namespace {

// The command's exit status; of one that a signal ended, what a shell makes of it.
int run(char** command) {
    const pid_t child = vfork();
    if (child == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int time_command(const char* name, char** command) {
    const Stretch stretch;
    const int status = run(command);
    const std::string line = stretch.end(name);
    if (status != 0) {
        std::printf("work: ERROR: %s ended with status %d\n", name, status);
        return status;
    }
    std::puts(line.c_str());
    return 0;
}

}  // namespace kurma::work
