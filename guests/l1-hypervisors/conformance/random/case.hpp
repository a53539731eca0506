// One case: what the VMCS holds, what is different in memory, L2's registers and first instruction.
#pragma once

#include "random/chance.hpp"
#include "random/image.hpp"
#include "vcpu/vcpu.hpp"

namespace conformance::random {

struct Instruction {
    const char* name;
    u8 bytes[6];
    u8 length;
};

enum class Mode : u8 { wide, compatibility, flat32, pae, unpaged, real, virtual8086, count };
extern const char* const mode_names[];

// A word of memory that a case changes, and what it was.
struct MemoryChange {
    const char* name;
    u64* word;
    u64 before, value;
    bool in_ept;
};

inline constexpr u64 max_mutations = 6;

struct Case {
    u64 index = 0;
    Mode mode = Mode::wide;
    bool user = false;  // at CPL 3
    bool with_ept = false, with_vpid = false, unrestricted = false;
    bool resume = false;
    Image fields;
    GuestRegisters registers = {};
    const Instruction* instruction = nullptr;
    MemoryChange changes[max_mutations] = {};
    u64 change_count = 0;
};

// Whether a secondary control is in effect.
inline bool uses(const Case& c, u64 control) {
    return (c.fields[Slot::primary_controls] & primary::secondary) != 0 &&
           (c.fields[Slot::secondary_controls] & control) != 0;
}

// A state that the manual calls valid, by chance one of many.
void make_base(Case& c, Chance& chance);

// Up to six mutations, of which only those in `mask` are applied. With `tell` each is printed.
void mutate(Case& c, const Chance& chance, u64 mask, bool tell);

// Undoes what would hang or kill the bare processor model, or end in what the manual leaves undefined.
void keep_within_bounds(Case& c);

}  // namespace conformance::random
