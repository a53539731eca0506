#include "machine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <system_error>

#include "ports.hpp"

namespace kurma::keeper {
namespace {

constexpr const char* program = "/bin/qemu-system-x86_64-microvm";
// The descriptors that QEMU finds what L1 writes on the two ports at; the front door's arguments name them.
constexpr int l1_debug_port = 10, l1_shutdown_port = 11;
constexpr const char *monitor_in = "/tmp/monitor.in", *monitor_out = "/tmp/monitor.out";

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Pipe {
    int read_end, write_end;
};

Pipe make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    return {ends[0], ends[1]};
}

int open_console() {
    const int console = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (console < 0) fail("/dev/ttyS0");
    termios mode{};
    if (tcgetattr(console, &mode) != 0) fail("tcgetattr");
    cfmakeraw(&mode);
    mode.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&mode, B115200);
    if (tcsetattr(console, TCSANOW, &mode) != 0) fail("tcsetattr");
    return console;
}

int open_fifo(const char* path) {
    if (mkfifo(path, S_IRUSR | S_IWUSR) != 0) fail(path);
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) fail(path);
    return file;
}

// Hands over each whole line; the rest stays.
void take_lines(std::string& text, const std::function<void(const std::string&)>& take) {
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        take(text.substr(0, end));
        text.erase(0, end + 1);
    }
}

class Child {
  public:
    Child(const std::vector<std::string>& arguments, int console)
        : console_(console),
          errors_(make_pipe()),
          debug_(make_pipe()),
          shutdown_(make_pipe()),
          events_(open_fifo(monitor_out)),
          requests_(open_fifo(monitor_in)) {
        process_ = fork();
        if (process_ < 0) fail("fork");
        if (process_ == 0) become_qemu(arguments);
        // The child alone holds these, so that its end is the pipes' end.
        for (const int end : {errors_.write_end, debug_.write_end, shutdown_.write_end}) close(end);
        // QEMU tells events to those only that have answered its greeting.
        constexpr std::string_view greeting = "{\"execute\": \"qmp_capabilities\"}\n";
        if (write(requests_, greeting.data(), greeting.size()) < 0) fail("the monitor");
    }

    Ending watch() {
        while (relay()) {
        }
        finish_debug_port();
        int status = 0;
        if (waitpid(process_, &status, 0) < 0) fail("waitpid");
        read_events();
        if (asked_to_end_) return Ending::power_off;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return was_reset_ ? Ending::reset : Ending::power_off;
        say("QEMU has ended with wait status " + std::to_string(status));
        return Ending::death;
    }

  private:
    [[noreturn]] void become_qemu(const std::vector<std::string>& arguments) const {
        dup2(console_, STDIN_FILENO);
        dup2(console_, STDOUT_FILENO);
        dup2(errors_.write_end, STDERR_FILENO);
        dup2(debug_.write_end, l1_debug_port);
        dup2(shutdown_.write_end, l1_shutdown_port);
        std::vector<char*> words;
        words.push_back(const_cast<char*>(program));
        for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
        words.push_back(nullptr);
        execv(program, words.data());
        constexpr std::string_view failed = "QEMU was not started\n";
        static_cast<void>(!write(STDERR_FILENO, failed.data(), failed.size()));
        _exit(1);
    }

    // Moves what there is to move; false when the child has closed everything.
    bool relay() {
        pollfd files[] = {
            {errors_.read_end, POLLIN, 0}, {debug_.read_end, POLLIN, 0}, {shutdown_.read_end, POLLIN, 0}};
        if (poll(files, std::size(files), -1) < 0) return errno == EINTR;
        if (files[0].revents != 0 && !take(errors_, error_text_)) return false;
        take_lines(error_text_, [](const std::string& line) { say("QEMU: " + line); });
        if (files[1].revents != 0) static_cast<void>(take(debug_, debug_text_));
        take_lines(debug_text_, [](const std::string& line) { write_debug_port(line + "\n"); });
        if (files[2].revents != 0) static_cast<void>(take(shutdown_, shutdown_text_));
        if (!asked_to_end_ && shutdown_text_.ends_with("Shutdown")) {
            asked_to_end_ = true;
            kill(process_, SIGTERM);
        }
        return true;
    }

    // QEMU is gone: what is left is all there will be, and its last line may have no end.
    void finish_debug_port() {
        while (take(debug_, debug_text_)) {
        }
        if (!debug_text_.empty() && !debug_text_.ends_with('\n')) debug_text_ += '\n';
        write_debug_port(debug_text_);
    }

    static bool take(const Pipe& pipe, std::string& text) {
        char bytes[4096];
        const ssize_t count = read(pipe.read_end, bytes, sizeof bytes);
        if (count > 0) text.append(bytes, static_cast<std::size_t>(count));
        return count > 0;
    }

    void read_events() {
        char bytes[4096];
        fcntl(events_, F_SETFL, O_NONBLOCK);
        std::string text;
        for (ssize_t count = read(events_, bytes, sizeof bytes); count > 0;
             count = read(events_, bytes, sizeof bytes))
            text.append(bytes, static_cast<std::size_t>(count));
        was_reset_ = text.find("\"guest-reset\"") != std::string::npos;
    }

    int console_;
    Pipe errors_, debug_, shutdown_;
    int events_, requests_;
    pid_t process_ = 0;
    std::string error_text_, debug_text_, shutdown_text_;
    bool asked_to_end_ = false, was_reset_ = false;
};

}  // namespace

Ending run_machine(const std::vector<std::string>& arguments) {
    const int console = open_console();
    const Ending ending = Child(arguments, console).watch();
    tcdrain(console);  // Bochs drops what its UART has not sent yet when it ends.
    return ending;
}

const char* name(Ending ending) {
    switch (ending) {
        case Ending::power_off: return "power-off";
        case Ending::reset: return "reset";
        case Ending::death: return "l1-death";
    }
    return "";
}

}  // namespace kurma::keeper
