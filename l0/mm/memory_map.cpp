#include "memory_map.hpp"

namespace kurma::l0::mm {

bool MemoryMap::add(Range range) {
    if (range.size == 0) return true;
    if (count_ == capacity) return false;
    usize at = count_++;
    for (; at > 0 && ranges_[at - 1].base > range.base; --at) ranges_[at] = ranges_[at - 1];
    ranges_[at] = range;
    return true;
}

bool MemoryMap::reserve(u64 base, u64 size) {
    for (usize i = 0; i < count_; ++i) {
        const Range whole = ranges_[i];
        if (whole.type != RangeType::available || !whole.contains(base) || size > whole.end() - base)
            continue;
        ranges_[i] = {base, size, RangeType::reserved};
        return add({whole.base, base - whole.base, whole.type}) &&
               add({base + size, whole.end() - (base + size), whole.type});
    }
    return false;
}

u64 MemoryMap::find_highest(u64 size, u64 alignment, u64 limit) const {
    u64 best = 0;
    for (const Range& range : *this) {
        if (range.type != RangeType::available) continue;
        const u64 end = range.end() < limit ? range.end() : limit;
        if (end < size) continue;
        const u64 base = (end - size) & ~(alignment - 1);
        if (base >= range.base && base > best) best = base;
    }
    return best;
}

u64 MemoryMap::available_bytes() const {
    u64 sum = 0;
    for (const Range& range : *this)
        if (range.type == RangeType::available) sum += range.size;
    return sum;
}

u64 MemoryMap::top() const {
    u64 top = 0;
    for (const Range& range : *this)
        if (range.type == RangeType::available && range.end() > top) top = range.end();
    return top;
}

}  // namespace kurma::l0::mm
