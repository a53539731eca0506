// The workload `faults`: page faults and changes of address space, and little else. Prints one `work` line a
// phase, with `n=`, which its ticks are to be divided by. KURMA_WHERE and KURMA_SIZE are in its environment,
// as `workloads` gives them.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ept/integer.hpp>
#include <string>

#include "stretch.hpp"

namespace {

using kurma::u64;

constexpr std::size_t page_size = 4096;

struct Size {
    u64 pages;         // of the phases cold and warm
    u64 rounds;        // of warm
    u64 forks;         // of the phase fork
    u64 shared_pages;  // that each child copies
    u64 round_trips;   // of the phase switch
};
constexpr Size quick = {2048, 2, 8, 128, 500};
constexpr Size full = {8192, 4, 32, 256, 4000};
constexpr u64 pages_used_before = 6144;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

// Anonymous memory in pages of 4 KiB, whatever Linux thinks of larger ones.
volatile char* map(u64 pages) {
    void* memory =
        mmap(nullptr, pages * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("faults: mmap");
    // EINVAL: a kernel without large pages.
    (void)madvise(memory, pages * page_size, MADV_NOHUGEPAGE);
    return static_cast<volatile char*>(memory);
}

void unmap(volatile char* memory, u64 pages) {
    if (munmap(const_cast<char*>(memory), pages * page_size) != 0) give_up("faults: munmap");
}

void write_each(volatile char* memory, u64 pages) {
    for (u64 i = 0; i < pages; ++i) memory[i * page_size] = static_cast<char>(i + 1);
}

void map_write_unmap(u64 pages) {
    volatile char* memory = map(pages);
    write_each(memory, pages);
    unmap(memory, pages);
}

void wait_for(pid_t child) {
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) give_up("faults: waiting for a child");
}

// A child writes every page, each of which Linux copies for it; then the parent, which gets its own back.
void fork_write_exit(volatile char* memory, u64 pages) {
    const pid_t child = fork();
    if (child < 0) give_up("faults: fork");
    if (child == 0) {
        write_each(memory, pages);
        _exit(0);
    }
    wait_for(child);
    write_each(memory, pages);
}

// Two processes with an address space each; a byte goes to the other one and comes back.
class PingPong {
  public:
    PingPong() {
        if (pipe(there_) != 0 || pipe(back_) != 0) give_up("faults: pipe");
        child_ = fork();
        if (child_ < 0) give_up("faults: fork");
        if (child_ == 0) echo();
    }
    PingPong(const PingPong&) = delete;
    PingPong& operator=(const PingPong&) = delete;
    ~PingPong() {
        close(there_[1]);
        wait_for(child_);
    }

    void run(u64 round_trips) const {
        char byte = 1;
        for (u64 i = 0; i < round_trips; ++i) {
            if (write(there_[1], &byte, 1) != 1 || read(back_[0], &byte, 1) != 1) give_up("faults: ping");
        }
    }

  private:
    [[noreturn]] void echo() const {
        close(there_[1]);
        char byte = 0;
        while (read(there_[0], &byte, 1) == 1) {
            if (write(back_[1], &byte, 1) != 1) _exit(1);
        }
        _exit(0);
    }

    int there_[2] = {}, back_[2] = {};
    pid_t child_ = -1;
};

// `n`: what the ticks are to be divided by.
template <typename Work>
void measure(const char* phase, u64 n, const Work& work) {
    const kurma::work::Stretch stretch;
    work();
    std::puts((stretch.end(std::string("faults-") + phase) + " n=" + std::to_string(n)).c_str());
    std::fflush(stdout);
}

}  // namespace

int main() {
    const Size size = kurma::work::environment("KURMA_SIZE") == "full" ? full : quick;
    // What Linux has freed since it was booted it hands out first: the pages after these are new to the
    // machine as well.
    volatile char* used_before = map(pages_used_before);
    write_each(used_before, pages_used_before);

    measure("nothing", 1, [] {});
    measure("cold", size.pages, [&] { map_write_unmap(size.pages); });
    map_write_unmap(size.pages);  // Not in the order of before: some are new still.
    measure("warm", size.pages * size.rounds, [&] {
        for (u64 i = 0; i < size.rounds; ++i) map_write_unmap(size.pages);
    });
    unmap(used_before, pages_used_before);

    volatile char* shared = map(size.shared_pages);
    write_each(shared, size.shared_pages);
    fork_write_exit(shared, size.shared_pages);
    measure("fork", 2 * size.forks * size.shared_pages, [&] {
        for (u64 i = 0; i < size.forks; ++i) fork_write_exit(shared, size.shared_pages);
    });
    unmap(shared, size.shared_pages);

    const PingPong processes;
    processes.run(1);
    measure("switch", 2 * size.round_trips, [&] { processes.run(size.round_trips); });
    return 0;
}
