#include "sweeps/sweep.hpp"

#include "base/memory.hpp"
#include "console/console.hpp"

namespace conformance {
namespace {

constexpr Topic topics[] = {
    {"capabilities", &sweep_capabilities},
    {"controls", &sweep_controls},
    {"fields", &sweep_fields},
    {"entry_checks", &sweep_entry_checks},
    {"instructions", &sweep_instructions},
    {"msr_areas", &sweep_msr_areas},
    {"exits", &sweep_exits},
    {"features", &sweep_features},
    {"ept", &sweep_ept},
    {"events", &sweep_events},
    {"modes", &sweep_modes},
};

}  // namespace

void run_sweeps(const char* only) {
    for (const Topic& topic : topics)
        if (*only == 0 || same_text(only, topic.name)) topic.run();
    print("conformance: end\n");
}

void list_topics() {
    for (const Topic& topic : topics) print(topic.name, "\n");
}

}  // namespace conformance
