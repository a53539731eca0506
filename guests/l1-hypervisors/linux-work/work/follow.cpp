#include "follow.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "line.hpp"

namespace kurma::work {

std::string Follower::take(std::string_view bytes) {
    std::string output;
    for (const char byte : bytes) {
        if (byte == begin_mark || byte == end_mark) {
            mark(byte);
        } else if (byte == '\n') {
            end_line(output);
        } else if (byte != '\r') {  // The terminal that this is written to adds its own.
            line_ += byte;
        }
    }
    return output;
}

void Follower::mark(char byte) {
    if (byte == begin_mark) {
        end_.reset();
        begin_ = count_();
    } else {
        end_ = count_();
    }
}

void Follower::end_line(std::string& output) {
    output += line_;
    if (line_.starts_with("work ") && begin_ && end_) {
        output += counts_words(*begin_, *end_);
        begin_.reset();
    }
    output += '\n';
    line_.clear();
}

int follow_input() {
    Follower follower(probe::count);
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0) std::perror("work: reading the L2's console");
        if (count <= 0) return count < 0 ? 1 : 0;
        const std::string output = follower.take({buffer.data(), static_cast<usize>(count)});
        std::fwrite(output.data(), 1, output.size(), stdout);
        std::fflush(stdout);
    }
}

}  // namespace kurma::work
