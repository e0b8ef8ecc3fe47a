// The random streams of src/shoal/streams.py, the same bits: Philox 4x32-10 (Salmon et al. 2011).
//
// A draw is a function of its place. The four words of block i of Q blocks are draws i, i+Q, i+2Q, i+3Q, so a
// vector of neighbouring blocks gives four runs of neighbouring draws, each written with one store.
#pragma once
#include "vec.h"

namespace shoal {
namespace {

struct Place {
    uint32_t key[2];
    uint32_t layer, step, epoch;
};

// Words 0 to 3 of W neighbouring blocks. Blocks of even and odd number are computed in two vectors of 64-bit
// lanes whose upper halves hold garbage: the multiplication reads the lower halves only.
struct Blocks {
    vu word[4];
};

inline void philox_round(vq& c0, vq& c1, vq& c2, vq& c3, uint32_t k0, uint32_t k1) {
    const vq p0 = times32(c0, vq{} + 0xD2511F53u), p1 = times32(c2, vq{} + 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ (c1 ^ (vq{} + k0));
    c2 = (p0 >> 32) ^ (c3 ^ (vq{} + k1));
    c1 = p1;
    c3 = p0;
}

inline Blocks philox(const Place& at, uint32_t first) {
    vq even0, odd0;
    for (int i = 0; i < W / 2; ++i) even0[i] = 2 * i;
    even0 += first;
    odd0 = even0 + 1;
    vq even1 = vq{} + at.layer, even2 = vq{} + at.step, even3 = vq{} + at.epoch;
    vq odd1 = even1, odd2 = even2, odd3 = even3;
    uint32_t k0 = at.key[0], k1 = at.key[1];
    for (int round = 0; round < 10; ++round) {
        philox_round(even0, even1, even2, even3, k0, k1);
        philox_round(odd0, odd1, odd2, odd3, k0, k1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const auto both = [](vq even, vq odd) { return (vu)((even & 0xFFFFFFFFu) | odd << 32); };
    return {{both(even0, odd0), both(even1, odd1), both(even2, odd2), both(even3, odd3)}};
}

// Both functions below write whole vectors and so beyond the end of each run. They go from the last blocks to
// the first, and from low runs to high ones, so that what was spilled into the next run is written again.
// The buffer must have room for `draws_room(count)` draws.
inline int64_t draws_room(int64_t count) { return up_to(count, 8) + 8 + 2 * PANEL; }

inline void draw_words(const Place& at, int64_t count, uint32_t* draws) {
    const int64_t blocks = (count + 3) / 4;
    for (int64_t i = (blocks - 1) / W * W; i >= 0; i -= W) {
        const Blocks some = philox(at, (uint32_t)i);
        for (int c = 0; c < 4; ++c) __builtin_memcpy(draws + c * blocks + i, &some.word[c], sizeof(vu));
    }
}

// 16-bit draws: the low halves of all words, then the high halves.
inline void draw_halves(const Place& at, int64_t count, uint16_t* draws) {
    const int64_t words = (count + 1) / 2, blocks = (words + 3) / 4;
    for (int64_t i = (blocks - 1) / W * W; i >= 0; i -= W) {
        const Blocks some = philox(at, (uint32_t)i);
        for (int half = 0; half < 2; ++half)
            for (int c = 0; c < 4; ++c) {
                const vh run = __builtin_convertvector(some.word[c] >> (16 * half) & 0xFFFF, vh);
                __builtin_memcpy(draws + half * words + c * blocks + i, &run, sizeof run);
            }
    }
}

// Row numbers sorted by their draws, ties by row number: a radix sort, 8 bits at a time.
// `keys` needs draws_room(count), `spare` and `order` need `count` numbers.
inline void permutation(const Place& at, int64_t count, uint32_t* keys, uint32_t* spare, uint32_t* order) {
    draw_words(at, count, keys);
    uint32_t starts[4][256] = {};
    for (int64_t i = 0; i < count; ++i)
        for (int digit = 0; digit < 4; ++digit) ++starts[digit][keys[i] >> 8 * digit & 255];
    for (int digit = 0; digit < 4; ++digit) {
        uint32_t before = 0;
        for (int value = 0; value < 256; ++value) {
            const uint32_t here = starts[digit][value];
            starts[digit][value] = before;
            before += here;
        }
    }
    for (int64_t i = 0; i < count; ++i) order[i] = (uint32_t)i;
    for (int digit = 0; digit < 4; ++digit) {
        for (int64_t i = 0; i < count; ++i)
            spare[starts[digit][keys[order[i]] >> 8 * digit & 255]++] = order[i];
        uint32_t* done = spare;
        spare = order;
        order = done;
    }
}

}  // namespace
}  // namespace shoal
