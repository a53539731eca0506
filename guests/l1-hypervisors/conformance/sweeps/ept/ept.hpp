// The parts of the topic "ept": an L2 that meets each kind of entry at each level of its EPT (SDM 3C 29.3).
#pragma once

#include "sweeps/guest.hpp"

namespace conformance::ept {

inline constexpr char topic[] = "ept";

// What L2 does where the page is. In a walk its own page tables are there.
enum class Access { read, write, increment, fetch, walk_read, walk_write };
inline constexpr Access accesses[] = {Access::read,  Access::write,     Access::increment,
                                      Access::fetch, Access::walk_read, Access::walk_write};
const char* name_of(Access access);

// The page, physical for L2: under an entry of its own at every level of the EPT.
inline constexpr u64 page_address = u64{1} << 39;

enum class Level { pml4e, pdpte, pde, pte };
inline constexpr Level levels[] = {Level::pml4e, Level::pdpte, Level::pde, Level::pte};
const char* name_of(Level level);

// An L2 that is about to make the access, with the page mapped by four levels of which each allows
// everything.
// `offset`: where in the GiB that begins at page_address the frame is to be seen; the usual levels show it at
// 0.
Vcpu& about_to(Access access, bool accessed_dirty, u64 offset = 0);
// The entry of a level on the way to the page. After a change the processor is to be told: invalidate().
u64& entry_of(Level level);
void invalidate();
// The one frame behind the page, which is also the beginning of an aligned piece of memory of 2 MiB.
u64 frame();

// Enters and prints, with the flags that the processor left in the four entries, and what L2 read.
void enter_and_print(const Text& name, Vcpu& vcpu);

void sweep_permissions();
void sweep_bits();
void sweep_large_pages();
void sweep_changes();

}  // namespace conformance::ept
