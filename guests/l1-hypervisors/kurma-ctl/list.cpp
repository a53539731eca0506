#include "list.hpp"

#include <array>
#include <ept/integer.hpp>

#include "output.hpp"

namespace kurma::ctl {

namespace {

constexpr usize columns = 5, fields = 7, what = 5, trades = 6;
constexpr std::array<std::string_view, columns> heads{"KNOB", "VALUE", "DEFAULT", "VALUES", "WHEN"};
constexpr usize line_width = 100;
constexpr std::string_view blanks = "                                                            ";

using Row = std::array<std::string_view, fields>;

std::string_view take_until(std::string_view& text, char end) {
    usize length = 0;
    while (length < text.size() && text[length] != end) ++length;
    const std::string_view taken{text.data(), length};
    text.remove_prefix(length < text.size() ? length + 1 : length);
    return taken;
}

Row split(std::string_view line) {
    Row row;
    for (std::string_view& field : row) field = take_until(line, '\t');
    return row;
}

bool print_line(const std::string_view* cells, const std::array<usize, columns>& widths) {
    for (usize i = 0; i < columns; ++i) {
        const usize gap = i + 1 == columns ? 0 : widths[i] - cells[i].size() + 2;
        if (!write_all(standard_output, cells[i]) ||
            !write_all(standard_output, {blanks.data(), gap < blanks.size() ? gap : blanks.size()}))
            return false;
    }
    return write_all(standard_output, "\n");
}

/// A label and words, from column four to the line's width.
bool print_wrapped(std::string_view label, std::string_view text) {
    constexpr usize indent = 4;
    usize at = indent + label.size();
    bool printed = write_all(standard_output, {blanks.data(), indent}) && write_all(standard_output, label);
    while (printed && !text.empty()) {
        const std::string_view word = take_until(text, ' ');
        const bool new_line = at + word.size() > line_width;
        const std::string_view before{new_line ? "\n    " : ""};
        at = (new_line ? indent : at) + word.size() + 1;
        printed = write_all(standard_output, before) && write_all(standard_output, word) &&
                  (text.empty() || write_all(standard_output, " "));
    }
    return printed && write_all(standard_output, "\n");
}

}  // namespace

bool print_list(std::string_view lines) {
    std::array<usize, columns> widths{};
    for (usize i = 0; i < columns; ++i) widths[i] = heads[i].size();
    for (std::string_view rest = lines; !rest.empty();) {
        const Row row = split(take_until(rest, '\n'));
        for (usize i = 0; i < columns; ++i)
            if (row[i].size() > widths[i]) widths[i] = row[i].size();
    }
    bool printed = print_line(heads.data(), widths);
    while (printed && !lines.empty()) {
        const Row row = split(take_until(lines, '\n'));
        printed = print_line(row.data(), widths) && print_wrapped("", row[what]) &&
                  print_wrapped("it trades: ", row[trades]);
    }
    return printed;
}

}  // namespace kurma::ctl
