// Numbers in their order, eleven bits of each at a time from the last ones on: as often as a number has such parts,
// however many numbers there are.
#include <cmath>
#include <cstring>
#include <utility>

#include "check.h"
#include "interface.h"

namespace {

using namespace shoal;

constexpr int BITS = 11, PARTS = 6;
constexpr uint64_t SIZE = (uint64_t)1 << BITS, SIGN = (uint64_t)1 << 63;

// A number of 64 bits that is greater where the double is; both zeros have that of 0, and NaN has the greatest.
inline uint64_t key_of(double value) {
    if (std::isnan(value)) return ~(uint64_t)0;
    uint64_t bits;
    value += 0.0;
    std::memcpy(&bits, &value, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

inline double value_of(uint64_t key) {
    const uint64_t bits = key & SIGN ? key ^ SIGN : ~key;
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline uint64_t part_of(uint64_t key, int part) { return key >> (part * BITS) & (SIZE - 1); }

}  // namespace

int64_t shoal_sort(const double* values, int64_t count, double* sorted, uint64_t* room, int64_t room_count) {
    if (!within(count, 0, MAX_ROWS) || room_count < 2 * count) return COUNT;
    if (count && (!values || !sorted || !room)) return X_ROWS;
    uint64_t *from = room, *to = room + count;
    uint32_t places[PARTS][SIZE] = {};
    for (int64_t row = 0; row < count; ++row) {
        const uint64_t key = from[row] = key_of(values[row]);
        for (int part = 0; part < PARTS; ++part) ++places[part][part_of(key, part)];
    }
    for (int part = 0; part < PARTS && count; ++part) {
        uint32_t* place = places[part];
        if (place[part_of(from[0], part)] == (uint64_t)count) continue;  // the same in all
        uint32_t before = 0;
        for (uint64_t value = 0; value < SIZE; ++value) {
            const uint32_t here = place[value];
            place[value] = before;
            before += here;
        }
        for (int64_t row = 0; row < count; ++row) to[place[part_of(from[row], part)]++] = from[row];
        std::swap(from, to);
    }
    for (int64_t row = 0; row < count; ++row) sorted[row] = value_of(from[row]);
    return OK;
}
