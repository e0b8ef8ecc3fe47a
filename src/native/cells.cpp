// The cells of a text: where they end, and the numbers that stand in them, each the nearest double, as Python's `float`.
#include <charconv>
#include <cmath>
#include <limits>

#include "check.h"
#include "interface.h"

namespace {

using namespace shoal;

inline bool is_space(char byte) { return byte == ' ' || byte == '\t'; }

// A plain finite number, or NaN: nothing else that `from_chars` knows ("inf", "nan") begins with a digit or a point.
#if defined(__cpp_lib_to_chars)
double number_in(const char* first, const char* last, bool& padded) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    while (first < last && is_space(*first)) ++first;
    while (first < last && is_space(last[-1])) --last;
    const bool negative = first < last && *first == '-';
    if (first < last && (*first == '-' || *first == '+')) ++first;
    if (first == last || !((*first >= '0' && *first <= '9') || *first == '.')) return none;
    padded |= last - first > 1 && *first == '0' && first[1] >= '0' && first[1] <= '9';
    double value = 0;
    const auto [stop, error] = std::from_chars(first, last, value);
    if (error != std::errc() || stop != last || !std::isfinite(value)) return none;
    return negative ? -value : value;
}
#endif

}  // namespace

int64_t shoal_cells(const char* text, int64_t text_count, int64_t delimiter, int64_t columns, int64_t longest,
                    int64_t* end, int64_t end_count) {
    if (!within(columns, 1, MAX_ROWS) || text_count < 0 || end_count < 0) return COUNT;
    if ((text_count && !text) || (end_count && !end)) return CELLS;
    int64_t cell = 0, column = 0, before = -1;
    for (int64_t place = 0; place < text_count; ++place) {
        const char byte = text[place];
        if (byte != (char)delimiter && byte != '\n') continue;
        const bool last = ++column == columns;
        if (cell == end_count || last != (byte == '\n') || place - before > longest) return CELLS;
        end[cell++] = before = place;
        if (last) column = 0;
    }
    return cell == end_count && column == 0 ? OK : CELLS;
}

int64_t shoal_numbers(const char* text, int64_t text_count, const int64_t* before, const int64_t* end,
                      int64_t stride, int64_t count, double* values, int64_t* zeros_before) {
#if defined(__cpp_lib_to_chars)
    if (!within(count, 0, MAX_ROWS) || stride < 1) return COUNT;
    if (!zeros_before || (count && (!text || !before || !end || !values))) return CELLS;
    bool padded = false;
    for (int64_t cell = 0; cell < count; ++cell) {
        const int64_t last = before[cell * stride], to = end[cell * stride];
        if (last < -1 || to <= last || to > text_count) return CELLS;
        values[cell] = number_in(text + last + 1, text + to, padded);
    }
    *zeros_before = padded;
    return OK;
#else
    return TARGET;
#endif
}
