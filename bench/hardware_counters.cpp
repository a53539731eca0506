#include "hardware_counters.hpp"

#include <perfmon/pfmlib_perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sstream>

namespace kurma::bench {

namespace {

/// libpfm4's encoding of an event, counted in user mode alone. The result is libpfm4's.
int encode(const std::string& name, perf_event_attr& attributes) {
    pfm_perf_encode_arg_t request{};
    request.size = sizeof request;
    request.attr = &attributes;
    return pfm_get_os_event_encoding(name.c_str(), PFM_PLM3, PFM_OS_PERF_EVENT, &request);
}

int open_event(perf_event_attr& attributes, int leader) {
    constexpr int this_process = 0, any_processor = -1;
    constexpr unsigned long flags = PERF_FLAG_FD_CLOEXEC;
    return static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, this_process, any_processor, leader, flags));
}

const char* meaning_of(int error) {
    switch (error) {
        case ENOENT:
        case ENODEV:
        case EOPNOTSUPP: return " (this machine has no such counter; few virtual ones have)";
        case EACCES:
        case EPERM: return " (/proc/sys/kernel/perf_event_paranoid withholds it)";
        default: return "";
    }
}

}  // namespace

HardwareCounters::HardwareCounters(std::string_view names) {
    if (const int result = pfm_initialize(); result != PFM_SUCCESS) {
        note_ = std::string{"none: libpfm4: "} + pfm_strerror(result);
        return;
    }
    std::istringstream list{std::string{names}};
    for (std::string name; std::getline(list, name, ',');)
        if (!name.empty()) open(name);
    if (events_.empty()) note_ = note_.empty() ? "none: none asked for" : "none: " + note_;
}

HardwareCounters::~HardwareCounters() {
    for (const Event& event : events_) close(event.file);
}

void HardwareCounters::open(const std::string& name) {
    const std::string before = note_.empty() ? "" : note_ + "; ";
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    if (const int result = encode(name, attributes); result != PFM_SUCCESS) {
        note_ = before + name + ": libpfm4: " + pfm_strerror(result);
        return;
    }
    const bool leads = events_.empty();
    attributes.disabled = leads ? 1 : 0;
    attributes.read_format =
        PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    const int file = open_event(attributes, leads ? -1 : events_.front().file);
    if (file < 0) {
        note_ = before + name + ": perf_event_open: " + std::strerror(errno) + meaning_of(errno);
        return;
    }
    events_.push_back({name, file});
    note_ = before + name + ": counted, user mode";
}

void HardwareCounters::start() {
    if (events_.empty()) return;
    ioctl(events_.front().file, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
    ioctl(events_.front().file, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

void HardwareCounters::stop(benchmark::State& state) {
    if (events_.empty()) return;
    ioctl(events_.front().file, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
    // The layout that read_format asked for: number, time enabled, time running, then one value per event.
    constexpr std::size_t time_enabled = 1, time_running = 2, first_value = 3;
    std::vector<std::uint64_t> group(first_value + events_.size());
    const ssize_t wanted = static_cast<ssize_t>(group.size() * sizeof group[0]);
    if (read(events_.front().file, group.data(), static_cast<std::size_t>(wanted)) != wanted) {
        state.SetLabel("hardware counters could not be read");
        return;
    }
    // What others' counters displaced for a part of the loop would have to be guessed.
    if (group[time_running] == 0 || group[time_running] < group[time_enabled]) {
        state.SetLabel("hardware counters were not counting all the time");
        return;
    }
    std::string silent;
    for (std::size_t i = 0; i < events_.size(); ++i) {
        if (group[first_value + i] == 0) {
            silent += (silent.empty() ? "" : ", ") + events_[i].name;
            continue;
        }
        state.counters[events_[i].name] = benchmark::Counter(static_cast<double>(group[first_value + i]),
                                                             benchmark::Counter::kAvgIterations);
    }
    if (!silent.empty()) state.SetLabel("counted nothing: " + silent);
}

}  // namespace kurma::bench
