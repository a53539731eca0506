// An open file descriptor, and ioctl on it with failures as exceptions.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace kurma::probe {

[[noreturn]] inline void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

class File {
  public:
    File(int descriptor, const char* what) : descriptor_(descriptor) {
        if (descriptor_ < 0) fail(what);
    }
    File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    File& operator=(File&&) = delete;
    ~File() {
        if (descriptor_ >= 0) close(descriptor_);
    }

    int descriptor() const { return descriptor_; }

    template <typename Argument>
    int control(unsigned long request, Argument argument, const char* what) const {
        const int result = ioctl(descriptor_, request, argument);
        if (result < 0) fail(what);
        return result;
    }

  private:
    int descriptor_;
};

}  // namespace kurma::probe
