// Compiles every template of this library as l0 compiles it, so that a stray hosted header fails the build.
#include <ept/shadow.hpp>

namespace kurma::ept {

struct MetalWorld {
    u64 load(Hpa at);
    void store(Hpa at, u64 bits);
    std::optional<Hpa> allocate_table();
    void free_table(Hpa table);
    std::optional<Leaf<Space::host>> walk01(L1Gpa address);
    std::optional<u64> read_entry(L1Gpa at);
    bool compare_exchange_entry(L1Gpa at, u64 expected, u64 desired);
};

template class Shadow<MetalWorld>;
template class OwnTables<MetalWorld>;
template Change map(MetalWorld&, Hpa, Address<Space::l1>, const Leaf<Space::host>&);
template Change unmap(MetalWorld&, Hpa, Address<Space::l1>, PageSize);
template std::optional<Leaf<Space::host>> lookup(MetalWorld&, Hpa, Address<Space::l1>);

}  // namespace kurma::ept
