// All of physical memory, as L0 reaches it.
#pragma once

#include <ept/address.hpp>

#include "layout.h"

namespace kurma::l0::mm {

/// The object at a host-physical address. The address must be memory that L0 may touch: its own, or L1's
/// after a translation by the partition.
template <class T>
[[gnu::always_inline]] inline T* at(ept::Hpa address) {
    return reinterpret_cast<T*>(DIRECT_MAP_BASE + address.value());
}

}  // namespace kurma::l0::mm
