#include "line.hpp"

namespace kurma::work {

std::string work_line(const std::string& name, const std::string& where, const std::string& size, u64 ticks) {
    return "work name=" + name + " where=" + where + " size=" + size + " ticks=" + std::to_string(ticks);
}

std::string totals_words(const probe::Totals& begin, const probe::Totals& end) {
    std::string words;
    for (usize i = 0; i < begin.size(); ++i) {
        words += std::string(" ") + probe::total_names[i] + "=" + std::to_string(end[i] - begin[i]);
    }
    return words;
}

}  // namespace kurma::work
