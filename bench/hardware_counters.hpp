// The processor's own counters, by the names that libpfm4 knows, around a timed loop.
//
// In:    names of events, such as "instructions,cycles".
// Out:   one user counter per event and call; or words that say why there is none.
// Never: reports a zero for an event that did not count.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

namespace kurma::bench {

class HardwareCounters {
  public:
    explicit HardwareCounters(std::string_view names);
    HardwareCounters(const HardwareCounters&) = delete;
    HardwareCounters& operator=(const HardwareCounters&) = delete;
    ~HardwareCounters();

    /// One line: which events are counted, and for each of the others why it is not.
    [[nodiscard]] const std::string& note() const { return note_; }
    void start();
    /// Per call of the loop that `state` ran. An event that counted nothing is named in the row's label.
    void stop(benchmark::State& state);

  private:
    struct Event {
        std::string name;
        int file;
    };
    void open(const std::string& name);

    std::vector<Event> events_;  // one group, which the kernel counts together or not at all
    std::string note_;
};

/// Those of this run; main() says which.
HardwareCounters& hardware_counters();

}  // namespace kurma::bench
