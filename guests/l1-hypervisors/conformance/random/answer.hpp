// What the processor answered to a case: named values, and one number that stands for all of them.
#pragma once

#include "base/integer.hpp"

namespace conformance::random {

using namespace kit;

class Answer {
  public:
    void clear() { count_ = 0; }
    void add(const char* name, u64 value);
    // `prefix` is put before the name where it is printed.
    void add(const char* prefix, const char* name, u64 value);
    u64 hash() const;
    void print_values() const;

  private:
    struct Value {
        const char* prefix;
        const char* name;
        u64 value;
    };
    static constexpr usize capacity = 256;
    Value values_[capacity] = {};
    usize count_ = 0;
};

}  // namespace conformance::random
