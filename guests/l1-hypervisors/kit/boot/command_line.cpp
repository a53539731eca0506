#include "boot/command_line.hpp"

#include "base/memory.hpp"

namespace kit {
namespace {

usize length(const char* text) {
    usize count = 0;
    while (text[count] != 0) ++count;
    return count;
}

}  // namespace

bool CommandLine::find(const char* knob, char* value, usize capacity) const {
    const char* word = text_;
    while (*word != 0) {
        while (*word == ' ') ++word;
        const char* const given = word + length(knob) + 1;
        const bool matches = starts_with(word, knob) && given[-1] == '=';
        if (matches) {
            usize count = 0;
            while (given[count] != 0 && given[count] != ' ' && count + 1 < capacity) {
                value[count] = given[count];
                ++count;
            }
            value[count] = 0;
            return true;
        }
        while (*word != 0 && *word != ' ') ++word;
    }
    return false;
}

}  // namespace kit
