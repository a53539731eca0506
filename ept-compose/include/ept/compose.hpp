// ept02 = ept01 after ept12, for one page.
//
// In:   the leaf of ept12 for an address of L2's, the leaf of ept01 for the address of L1's that it leads to.
// Out:  the leaf that does in one step what the two do in two.
// Laws: at every address of the page, walking the result gives what walking both gives.
// SDM:  3C 29.3.2, 29.3.7.2.
//
// Memory type: on the machine that L1 sees, ept12's type is final but for L2's PAT. Below it ept01's type
// says what the memory stands. The result takes the stricter of the two (memory_type.hpp), and ignores the
// PAT where either does.
#pragma once

#include <ept/walk.hpp>

namespace kurma::ept {

// Where L1 believes an address of L2's to lie.
[[nodiscard]] constexpr L1Gpa behind(const Leaf<Space::l1>& leaf12, L2Gpa address) {
    return leaf12.page + address.offset(leaf12.size);
}

[[nodiscard]] constexpr Leaf<Space::host> compose(const Leaf<Space::host>& leaf01,
                                                  const Leaf<Space::l1>& leaf12, L2Gpa address) {
    const PageSize size = smaller(leaf01.size, leaf12.size);
    const Hpa target = leaf01.page + behind(leaf12, address).offset(leaf01.size);
    return {.page = target.aligned(size),
            .size = size,
            .access = leaf01.access & leaf12.access,
            .memory_type = stricter(leaf01.memory_type, leaf12.memory_type),
            .ignore_pat = (leaf01.ignore_pat | leaf12.ignore_pat) != 0,
            .dirty = leaf12.dirty};
}

// The part of a leaf, of the given size or the leaf's own if that is smaller, which serves an address.
template <Space Out, Space In>
[[nodiscard]] constexpr Leaf<Out> narrowed(Leaf<Out> leaf, PageSize size, Address<In> address) {
    const PageSize narrow = smaller(leaf.size, size);
    leaf.page = (leaf.page + address.offset(leaf.size)).aligned(narrow);
    leaf.size = narrow;
    return leaf;
}

}  // namespace kurma::ept
