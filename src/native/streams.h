// The random streams of src/shoal/streams.py, the same bits: Philox 4x32-10 (Salmon et al. 2011).
//
// A draw is a function of its stream and its number. The four words of block i of Q blocks are draws i, i+Q,
// i+2Q, i+3Q, so a vector of neighbouring blocks gives four runs of neighbouring draws, each written with one
// store.
#pragma once
#include "vec.h"

namespace shoal {
namespace {

// What a draw is a function of, beside its number: the key, and three words of the counter.
struct Stream {
    uint32_t key[2];
    uint32_t layer, step, epoch;
};

// Words 0 to 3 of W neighbouring blocks. Blocks of even and odd number are computed in two vectors of
// 64-bit lanes whose upper halves hold garbage: the multiplication reads the lower halves only.
struct PhiloxBlocks {
    vu32 word[4];
};

inline void philox_round(vu64& c0, vu64& c1, vu64& c2, vu64& c3, vu64 k0, vu64 k1) {
    const vu64 p0 = multiply_low32(c0, vu64{} + 0xD2511F53u), p1 = multiply_low32(c2, vu64{} + 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ (c1 ^ k0);
    c2 = (p0 >> 32) ^ (c3 ^ k1);
    c1 = p1;
    c3 = p0;
}

// A stream, and its keys of every round, in all lanes: made once, and then read from memory.
struct Philox {
    static constexpr int ROUNDS = 10;
    Stream stream;
    vu64 keys[ROUNDS][2];
    explicit Philox(const Stream& stream) : stream(stream) {
        for (uint32_t round = 0; round < ROUNDS; ++round) {
            keys[round][0] = vu64{} + (stream.key[0] + round * 0x9E3779B9u);
            keys[round][1] = vu64{} + (stream.key[1] + round * 0xBB67AE85u);
        }
    }
    PhiloxBlocks blocks(uint32_t first) const {
        vu64 even0, odd0;
        for (int i = 0; i < W / 2; ++i) even0[i] = 2 * i;
        even0 += first;
        odd0 = even0 + 1;
        vu64 even1 = vu64{} + stream.layer, even2 = vu64{} + stream.step, even3 = vu64{} + stream.epoch;
        vu64 odd1 = even1, odd2 = even2, odd3 = even3;
#pragma GCC unroll 10
        for (int round = 0; round < ROUNDS; ++round) {
            philox_round(even0, even1, even2, even3, keys[round][0], keys[round][1]);
            philox_round(odd0, odd1, odd2, odd3, keys[round][0], keys[round][1]);
        }
        return {{interleave(even0, odd0), interleave(even1, odd1), interleave(even2, odd2), interleave(even3, odd3)}};
    }
};

// Both functions below write whole vectors and so beyond the end of each run. They go from the last
// blocks to the first, and from low runs to high ones, so that what was spilled into the next run is written
// again. The buffer must have room for `draw_capacity(count)` draws.
inline int64_t draw_capacity(int64_t count) { return round_up(count, 8) + 8 + 2 * PANEL; }

inline void draw_words(const Stream& stream, int64_t count, uint32_t* draws) {
    const Philox philox(stream);
    const int64_t blocks = (count + 3) / 4;
    for (int64_t i = (blocks - 1) / W * W; i >= 0; i -= W) {
        const PhiloxBlocks drawn = philox.blocks((uint32_t)i);
        for (int c = 0; c < 4; ++c) __builtin_memcpy(draws + c * blocks + i, &drawn.word[c], sizeof(vu32));
    }
}

// 16-bit draws: the low halves of all words, then the high halves.
inline void draw_halves(const Stream& stream, int64_t count, uint16_t* draws) {
    const Philox philox(stream);
    const int64_t words = (count + 1) / 2, blocks = (words + 3) / 4;
    for (int64_t i = (blocks - 1) / W * W; i >= 0; i -= W) {
        const PhiloxBlocks drawn = philox.blocks((uint32_t)i);
        Halves half[4];
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
            half[c] = halves(drawn.word[c]);
            __builtin_memcpy(draws + c * blocks + i, &half[c].low, sizeof(vu16));
        }
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) __builtin_memcpy(draws + words + c * blocks + i, &half[c].high, sizeof(vu16));
    }
}

// Sorts few row numbers: a row's place is how many come before it, W rows at a time. `places` needs whole vectors.
inline void sort_few(int64_t count, const uint32_t* keys, uint32_t* places, uint32_t* order) {
    for (int64_t first = 0; first < count; first += W) {
        const int64_t end = min(first + W, count);
        vu32 key;
        __builtin_memcpy(&key, keys + first, sizeof key);
        vi32 place = {};
        for (int64_t i = 0; i < first; ++i) place -= (vi32)(vu32{} + keys[i] <= key);
        for (int64_t i = first; i < end; ++i)
            place -= (vi32)(vu32{} + keys[i] == key) & ~lane_mask(i - first + 1);
        for (int64_t i = first; i < count; ++i) place -= (vi32)(vu32{} + keys[i] < key);
        __builtin_memcpy(places + first, &place, sizeof place);
    }
    for (int64_t i = 0; i < count; ++i) order[places[i]] = (uint32_t)i;
}

// Sorts many: a radix sort, 8 bits at a time.
inline void sort_many(int64_t count, const uint32_t* keys, uint32_t* spare, uint32_t* order) {
    uint32_t starts[4][256] = {};
    for (int64_t i = 0; i < count; ++i)
        for (int digit = 0; digit < 4; ++digit) ++starts[digit][keys[i] >> 8 * digit & 255];
    for (int digit = 0; digit < 4; ++digit) {
        uint32_t keys_before = 0;
        for (int value = 0; value < 256; ++value) {
            const uint32_t keys_here = starts[digit][value];
            starts[digit][value] = keys_before;
            keys_before += keys_here;
        }
    }
    for (int64_t i = 0; i < count; ++i) order[i] = (uint32_t)i;
    for (int digit = 0; digit < 4; ++digit) {
        for (int64_t i = 0; i < count; ++i)
            spare[starts[digit][keys[order[i]] >> 8 * digit & 255]++] = order[i];
        uint32_t* sorted = spare;
        spare = order;
        order = sorted;
    }
}

// Row numbers sorted by their draws, ties by row number.
// `keys` needs draw_capacity(count), `spare` whole vectors, `order` `count` numbers.
inline void permutation(const Stream& stream, int64_t count, uint32_t* keys, uint32_t* spare,
                        uint32_t* order) {
    constexpr int64_t FEW = 128;
    draw_words(stream, count, keys);
    if (count <= FEW) return sort_few(count, keys, spare, order);
    sort_many(count, keys, spare, order);
}

}  // namespace
}  // namespace shoal
