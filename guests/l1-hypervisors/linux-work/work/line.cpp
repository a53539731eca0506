#include "line.hpp"

namespace kurma::work {

std::string work_line(const std::string& name, const std::string& where, const std::string& size, u64 ticks) {
    return "work name=" + name + " where=" + where + " size=" + size + " ticks=" + std::to_string(ticks);
}

std::string counts_words(const probe::Counts& begin, const probe::Counts& end) {
    std::string words;
    const auto add = [&words](const char* name, u64 count) {
        words += std::string(" ") + name + "=" + std::to_string(count);
    };
    for (usize i = 0; i < begin.totals.size(); ++i) {
        add(probe::total_names[i], end.totals[i] - begin.totals[i]);
    }
    for (usize kind = 0; kind < probe::exit_kind_names.size(); ++kind) {
        u64 exits = 0;
        for (usize i = 0; i < probe::exit_reason_count; ++i) {
            const usize place = kind * probe::exit_reason_count + i;
            exits += end.kinds[place] - begin.kinds[place];
        }
        add(probe::exit_kind_names[kind], exits);
    }
    return words;
}

}  // namespace kurma::work
