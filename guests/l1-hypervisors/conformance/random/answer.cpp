#include "random/answer.hpp"

#include "console/console.hpp"
#include "cpu/power.hpp"
#include "random/chance.hpp"

namespace conformance::random {

void Answer::add(const char* name, u64 value) { add("", name, value); }

void Answer::add(const char* prefix, const char* name, u64 value) {
    if (count_ == capacity) give_up("an answer has more values than expected");
    values_[count_++] = {prefix, name, value};
}

u64 Answer::hash() const {
    u64 hash = count_;
    // A name counts by its address, which is the same wherever the same image runs.
    for (usize i = 0; i < count_; ++i)
        hash = mixed(mixed(hash ^ values_[i].value) ^ reinterpret_cast<u64>(values_[i].name));
    return hash;
}

void Answer::print_values() const {
    for (usize i = 0; i < count_; ++i)
        print(" ", values_[i].prefix, values_[i].name, "=", hex(values_[i].value));
}

}  // namespace conformance::random
