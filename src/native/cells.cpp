// The cells of a text: where they end, the numbers that stand in them, each the nearest double, as Python's `float`,
// and which cells are the same.
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"
#include "interface.h"

namespace {

using namespace shoal;

constexpr int64_t MAX_SLOTS = (int64_t)1 << 32;

inline bool is_space(char byte) { return byte == ' ' || byte == '\t'; }

// A number of so few digits that they and the power of ten are doubles themselves, so that their quotient, rounded once,
// is the nearest double (Clinger 1990, "How to read floating point numbers accurately").
inline bool short_number(const char* first, const char* last, double& value) {
    constexpr double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    if (last - first > 16) return false;  // 15 digits and a point: below 2^53
    uint64_t digits = 0;
    const char* point = nullptr;
    for (const char* byte = first; byte < last; ++byte) {
        const uint64_t digit = (uint64_t)(uint8_t)*byte - '0';
        if (digit <= 9) {
            digits = 10 * digits + digit;
        } else if (*byte == '.' && !point) {
            point = byte;
        } else {
            return false;
        }
    }
    const int64_t count = last - first - (point != nullptr);
    if (count < 1 || count > 15) return false;
    value = (double)digits / tens[point ? last - point - 1 : 0];
    return true;
}

// Clang's library has `from_chars` of doubles from version 20 on, and sets no `__cpp_lib_to_chars`; older systems of a Mac
// have an older library.
#if defined(__cpp_lib_to_chars)
#define SHOAL_READS_NUMBERS 1
#elif defined(_LIBCPP_VERSION) && defined(_LIBCPP_AVAILABILITY_HAS_FROM_CHARS_FLOATING_POINT)
#define SHOAL_READS_NUMBERS (_LIBCPP_VERSION >= 200000 && _LIBCPP_AVAILABILITY_HAS_FROM_CHARS_FLOATING_POINT)
#else
#define SHOAL_READS_NUMBERS 0
#endif

// A plain finite number, or NaN: nothing else that `from_chars` knows ("inf", "nan") begins with a digit or a point.
#if SHOAL_READS_NUMBERS
double number_in(const char* first, const char* last, bool& padded) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    while (first < last && is_space(*first)) ++first;
    while (first < last && is_space(last[-1])) --last;
    const bool negative = first < last && *first == '-';
    if (first < last && (*first == '-' || *first == '+')) ++first;
    if (first == last || !((*first >= '0' && *first <= '9') || *first == '.')) return none;
    padded |= last - first > 1 && *first == '0' && first[1] >= '0' && first[1] <= '9';
    double value = 0;
    if (short_number(first, last, value)) return negative ? -value : value;
    const auto [stop, error] = std::from_chars(first, last, value);
    if (error != std::errc() || stop != last || !std::isfinite(value)) return none;
    return negative ? -value : value;
}
#endif

// Eight bytes at a time: the highest bit of each that is `byte`, which stands in all eight bytes of `wanted`.
inline uint64_t places_of(uint64_t bytes, uint64_t wanted) {
    constexpr uint64_t low = 0x7f7f7f7f7f7f7f7f;
    const uint64_t rest = bytes ^ wanted;
    return ~(((rest & low) + low) | rest | low);
}

inline uint64_t in_all(char byte) { return 0x0101010101010101 * (uint8_t)byte; }

inline uint64_t eight(const char* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

// Takes the places of delimiters and line ends as they come, and writes them down as ends of cells.
struct Cutter {
    const int64_t columns, longest, end_count;
    int64_t* end;
    int64_t cell = 0, column = 0, before = -1;

    bool take(int64_t place, bool at_line_end) {
        const bool last = ++column == columns;
        if (cell == end_count || last != at_line_end || place - before > longest) return false;
        end[cell++] = before = place;
        if (last) column = 0;
        return true;
    }
};

struct Cell {
    const char* first;  // null: none of this text
    int64_t size;
};

inline Cell cell_at(const ShoalCells& cells, int64_t number) {
    const int64_t last = cells.before[number * cells.stride], to = cells.end[number * cells.stride];
    if (last < -1 || to <= last || to > cells.text_count) return {nullptr, 0};
    return {cells.text + last + 1, to - last - 1};
}

inline bool equal(const Cell& a, const Cell& b) {
    return a.size == b.size && !std::memcmp(a.first, b.first, (size_t)a.size);
}

Field check_cells(const ShoalCells* cells) {
    if (!cells || !within(cells->count, 0, MAX_ROWS) || cells->stride < 1) return COUNT;
    return cells->count && (!cells->text || !cells->before || !cells->end) ? CELLS : OK;
}

// A number that equal cells have. It hangs on `key`, so that no text can be written whose cells all meet in one slot.
inline uint64_t hash_of(const Cell& cell, uint64_t key) {
    constexpr uint64_t odd = 0x9e3779b97f4a7c15;
    uint64_t hash = (key ^ (uint64_t)cell.size) * odd, rest = 0;
    int64_t place = 0;
    for (; place + 8 <= cell.size; place += 8) hash = (hash ^ (hash >> 32) ^ eight(cell.first + place)) * odd;
    for (; place < cell.size; ++place) rest = rest << 8 | (uint8_t)cell.first[place];
    hash = (hash ^ (hash >> 32) ^ rest) * odd;
    return hash ^ (hash >> 29);
}

}  // namespace

int64_t shoal_cells(const char* text, int64_t text_count, int64_t delimiter, int64_t columns, int64_t longest,
                    int64_t* end, int64_t end_count) {
    if (!within(columns, 1, MAX_ROWS) || text_count < 0 || end_count < 0) return COUNT;
    if ((text_count && !text) || (end_count && !end)) return CELLS;
    Cutter cutter{columns, longest, end_count, end};
    const uint64_t delimiters = in_all((char)delimiter), line_ends = in_all('\n');
    int64_t place = 0;
    for (; place + 8 <= text_count; place += 8) {
        const uint64_t bytes = eight(text + place), at_line_end = places_of(bytes, line_ends);
        for (uint64_t left = at_line_end | places_of(bytes, delimiters); left; left &= left - 1) {
            const int bit = __builtin_ctzll(left);
            if (!cutter.take(place + bit / 8, at_line_end >> bit & 1)) return CELLS;
        }
    }
    for (; place < text_count; ++place) {
        const bool at_line_end = text[place] == '\n';
        if ((at_line_end || text[place] == (char)delimiter) && !cutter.take(place, at_line_end)) return CELLS;
    }
    return cutter.cell == end_count && cutter.column == 0 ? OK : CELLS;
}

int64_t shoal_numbers(const ShoalCells* cells, double* values, int64_t* zeros_before) {
#if SHOAL_READS_NUMBERS
    if (Field refused = check_cells(cells)) return refused;
    if (!zeros_before || (cells->count && !values)) return CELLS;
    bool padded = false;
    for (int64_t number = 0; number < cells->count; ++number) {
        const Cell cell = cell_at(*cells, number);
        if (!cell.first) return CELLS;
        values[number] = number_in(cell.first, cell.first + cell.size, padded);
    }
    *zeros_before = padded;
    return OK;
#else
    return TARGET;
#endif
}

int64_t shoal_codes(const ShoalCells* cells, int64_t* slots, int64_t slot_count, int64_t* codes, int64_t* first,
                    int64_t* different) {
    if (Field refused = check_cells(cells)) return refused;
    if (!within(slot_count, cells->count + 1, MAX_SLOTS) || (slot_count & (slot_count - 1))) return COUNT;
    if (!slots || !different || (cells->count && (!codes || !first))) return CELLS;
    const uint64_t key = (uint64_t)slots, mask = (uint64_t)slot_count - 1;
    std::memset(slots, 0, (size_t)slot_count * sizeof *slots);
    int64_t known = 0;
    for (int64_t number = 0; number < cells->count; ++number) {
        const Cell cell = cell_at(*cells, number);
        if (!cell.first) return CELLS;
        uint64_t slot = hash_of(cell, key) & mask;
        // What stands in a slot is a code and 1.
        while (slots[slot] && !equal(cell, cell_at(*cells, first[slots[slot] - 1]))) slot = (slot + 1) & mask;
        if (!slots[slot]) {
            first[known] = number;
            slots[slot] = ++known;
        }
        codes[number] = slots[slot] - 1;
    }
    *different = known;
    return OK;
}
