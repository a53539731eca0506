// A processor that keeps what it may keep of an ept02: whole translations, and pointers to the last table. It
// forgets them only when it is told to (INVEPT), and forgets what has just faulted (SDM 3C 29.4.3.1). Bochs
// forgets at every VM entry: it cannot show what this shows.
#pragma once

#include <map>
#include <testing/world.hpp>

namespace kurma::ept::testing {

class Processor {
  public:
    Processor(World& world, Hpa root02) : world_(world), root_(root02) {}

    // True if the access goes through; false is an EPT violation, which forgets what it faulted on.
    bool access(L2Gpa address, Access wanted) {
        const L2Gpa page = address.page();
        const auto cached = pages_.find(page);
        if (cached != pages_.end()) {
            if (cached->second.access.includes(wanted)) return true;
        } else if (const auto leaf = translate(address); leaf && leaf->access.includes(wanted)) {
            pages_.insert_or_assign(page, *leaf);
            return true;
        }
        pages_.erase(page);
        tables_.erase(address.aligned(PageSize::m2));
        return false;
    }

    void flush() {
        pages_.clear();
        tables_.clear();
        ++flushes;
    }

    // What it could use is what ept02 gives: the same page, of the same type, with no right that ept02 has
    // not.
    [[nodiscard]] bool is_stale() {
        for (const auto& [address, leaf] : pages_) {
            const auto walked = walk02(world_, root_, address);
            if (walked.outcome != Walk<Space::host>::Outcome::leaf ||
                !walked.leaf.access.includes(leaf.access))
                return true;
            const auto page = narrowed(walked.leaf, PageSize::k4, address);
            if (page.page != leaf.page || page.memory_type != leaf.memory_type) return true;
            if (page.ignore_pat != leaf.ignore_pat) return true;
        }
        for (const auto& [address, table] : tables_) {
            const auto walked = walk02(world_, root_, address);
            if (walked.level != last_level || walked.last_entry.page() != table) return true;
        }
        return false;
    }

    unsigned flushes = 0;

  private:
    std::optional<Leaf<Space::host>> translate(L2Gpa address) {
        const auto known = tables_.find(address.aligned(PageSize::m2));
        if (known != tables_.end()) {
            const Entry entry{world_.peek(known->second + entry_offset(address.value(), last_level))};
            if (!entry.present()) return std::nullopt;
            return Leaf<Space::host>{.page = entry.address<Space::host>(),
                                     .access = entry.access(),
                                     .memory_type = entry.memory_type(),
                                     .ignore_pat = entry.ignore_pat()};
        }
        const auto walked = walk02(world_, root_, address);
        if (walked.level == last_level) {
            tables_.insert_or_assign(address.aligned(PageSize::m2), walked.last_entry.page());
        }
        if (walked.outcome != Walk<Space::host>::Outcome::leaf) return std::nullopt;
        return narrowed(walked.leaf, PageSize::k4, address);
    }

    World& world_;
    Hpa root_;
    std::map<L2Gpa, Leaf<Space::host>> pages_;
    std::map<L2Gpa, Hpa> tables_;
};

}  // namespace kurma::ept::testing
