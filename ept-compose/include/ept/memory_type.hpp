// Memory types as EPT entries and EPT pointers encode them.
//
// SDM: 3C 29.3.7 (EPT and memory typing), 3A 12.3 (the types themselves).
#pragma once

#include <ept/integer.hpp>

namespace kurma::ept {

enum class MemoryType : u8 { uc = 0, wc = 1, wt = 4, wp = 5, wb = 6 };

// An entry of L1's may hold any three bits here; the encodings 2, 3 and 7 are reserved.
constexpr bool valid(MemoryType type) {
    constexpr unsigned defined = 1U << 0 | 1U << 1 | 1U << 4 | 1U << 5 | 1U << 6;
    return (defined >> static_cast<unsigned>(type) & 1U) != 0;
}

// The type that breaks neither promise. Write-back yields to whatever the other asks for; two different types
// of which neither is write-back have only uncacheable in common, as where memory-type ranges overlap (SDM
// 3A 12.11.4.1).
constexpr MemoryType stricter(MemoryType a, MemoryType b) {
    if (a == b || b == MemoryType::wb) return a;
    return a == MemoryType::wb ? b : MemoryType::uc;
}

static_assert(valid(MemoryType::uc) && valid(MemoryType::wc) && valid(MemoryType::wt));
static_assert(valid(MemoryType::wp) && valid(MemoryType::wb) && !valid(static_cast<MemoryType>(2)));
static_assert(!valid(static_cast<MemoryType>(3)) && !valid(static_cast<MemoryType>(7)));
static_assert(stricter(MemoryType::wb, MemoryType::wt) == MemoryType::wt);
static_assert(stricter(MemoryType::wc, MemoryType::wb) == MemoryType::wc);
static_assert(stricter(MemoryType::wt, MemoryType::wp) == MemoryType::uc);
static_assert(stricter(MemoryType::uc, MemoryType::wc) == MemoryType::uc);

}  // namespace kurma::ept
