// Pages of this process: anonymous ones that become a guest's memory, or a file's.
#pragma once

#include <sys/mman.h>

#include <ept/integer.hpp>

#include "file.hpp"

namespace kurma::probe {

class Memory {
  public:
    // Small pages only, each of which comes to exist when it is first touched.
    explicit Memory(usize size) : Memory(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1) {
        if (madvise(bytes_, size_, MADV_NOHUGEPAGE) != 0 && errno != EINVAL) fail("madvise(MADV_NOHUGEPAGE)");
    }
    Memory(const File& file, usize size) : Memory(size, MAP_SHARED, file.descriptor()) {}
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { munmap(bytes_, size_); }

    u8* bytes() const { return bytes_; }
    usize size() const { return size_; }

    template <typename Type>
    Type* at(u64 offset) const {
        return reinterpret_cast<Type*>(bytes_ + offset);
    }

  private:
    Memory(usize size, int flags, int descriptor)
        : bytes_(static_cast<u8*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, descriptor, 0))),
          size_(size) {
        if (bytes_ == MAP_FAILED) fail("mmap");
    }

    u8* bytes_;
    usize size_;
};

}  // namespace kurma::probe
