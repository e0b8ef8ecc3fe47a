// Matrix products in tiles held in registers.
//
// c(r, v) = sum over k of a(r, k) * b(k, v), k in order, one fused multiply-add a term: every element is one
// sequential sum, so neither the tile's shape nor the vector's width shows in the result. The column
// index v counts vectors; vector v lies in panel v / VP. A tile of R rows and C vectors keeps R * C sums in
// registers and reads R + C values for R * C multiply-adds.
#pragma once
#include "vec.h"

namespace shoal {
namespace {

// Sums in registers: what is left of them after C vectors of b and one value of a.
constexpr int SUMS = REGISTERS == 32 ? 24 : 12;
constexpr int TILE_ROWS = 12;
constexpr int rows_of_tile(int vectors) { return SUMS / vectors < TILE_ROWS ? SUMS / vectors : TILE_ROWS; }

// Terms summed before the tile moves on: a panel of this many rows stays in the first cache.
constexpr int64_t DEPTH_BLOCK = 256;

// Rows of weights whose gradient passes and update go together: as many as a tile has columns.
constexpr int64_t BLOCK = TILE_VECTORS * W < PANEL ? PANEL : TILE_VECTORS * W;

struct Product {
    const float* a;
    int64_t a_stride;  // from row to row, or, where rows are neighbours, from term to term
    const float* b;
    int64_t b_k, b_panel;
    float* c;
    int64_t c_row, c_panel;
    const float* factor;  // multiplied into c at the end, laid out like c; or null
    int64_t depth;
    bool resume;  // go on from the sums in c
};

constexpr int64_t column(int64_t vector, int64_t panel) { return vector / VP * panel + vector % VP * W; }

// The sums of one tile. A_ROW: rows of a are neighbours, else terms are, so that their addresses are one
// pointer and constants. All indices are constants after unrolling, so `sum` lives in registers.
template <int R, int C, bool A_ROW>
inline __attribute__((always_inline)) void add_up(const float* a, int64_t a_stride, const float* b,
                                                  int64_t b_k, int64_t b_panel, int64_t depth,
                                                  vf (&sum)[R][C]) {
    for (int64_t k = 0; k < depth; ++k) {
        vf b_k_c[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) b_k_c[c] = load(b + column(c, b_panel));
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r) {
            const vf a_r_k = all(a[A_ROW ? r : r * a_stride]);
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) sum[r][c] = fma(a_r_k, b_k_c[c], sum[r][c]);
        }
        a += A_ROW ? a_stride : 1;
        b += b_k;
    }
}

// Rows `row` to `row` + R, vectors `vector` to `vector` + C of a product.
template <int R, int C, bool A_ROW>
void tile(const Product& p, int64_t row, int64_t vector) {
    const int64_t c_row = p.c_row, c_panel = p.c_panel;
    float* out = p.c + row * c_row + column(vector, c_panel);
    vf sum[R][C];
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sum[r][c] = p.resume ? load(out + r * c_row + column(c, c_panel)) : vf{};
    add_up<R, C, A_ROW>(p.a + row * (A_ROW ? 1 : p.a_stride), p.a_stride, p.b + column(vector, p.b_panel),
                        p.b_k, p.b_panel, p.depth, sum);
    const float* factor = p.factor ? p.factor + (out - p.c) : nullptr;
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
            const int64_t at = r * c_row + column(c, c_panel);
            store(out + at, factor ? sum[r][c] * load(factor + at) : sum[r][c]);
        }
}

// Calls f(row, rows) for the tiles of a strip: as few as can be, of nearly equal height.
template <int C, class F>
inline void each_tile(int64_t rows, F&& f) {
    const uint32_t tiles = (uint32_t)((rows + rows_of_tile(C) - 1) / rows_of_tile(C));
    const uint32_t small = (uint32_t)rows / tiles, higher = (uint32_t)rows % tiles;
    int64_t row = 0;
    for (uint32_t i = 0; i < tiles; ++i) {
        const int64_t here = small + (i < higher);
        f(row, here);
        row += here;
    }
}

constexpr int fitting(int rows, int vectors) {
    return rows < rows_of_tile(vectors) ? rows : rows_of_tile(vectors);
}

template <int C, bool A_ROW>
inline void strip(const Product& p, int64_t rows, int64_t vector) {
#define SHOAL_TILE(R) tile<fitting(R, C), C, A_ROW>
    static constexpr void (*tiles[TILE_ROWS])(const Product&, int64_t, int64_t) = {
        SHOAL_TILE(1), SHOAL_TILE(2), SHOAL_TILE(3), SHOAL_TILE(4),  SHOAL_TILE(5),  SHOAL_TILE(6),
        SHOAL_TILE(7), SHOAL_TILE(8), SHOAL_TILE(9), SHOAL_TILE(10), SHOAL_TILE(11), SHOAL_TILE(12)};
#undef SHOAL_TILE
    each_tile<C>(rows, [&](int64_t row, int64_t here) { tiles[here - 1](p, row, vector); });
}

// The whole product: strips of TILE_VECTORS vectors, and of what is left.
template <bool A_ROW>
inline void multiply(const Product& p, int64_t rows, int64_t vectors) {
    int64_t v = 0;
    for (; v + TILE_VECTORS <= vectors; v += TILE_VECTORS) strip<TILE_VECTORS, A_ROW>(p, rows, v);
    switch (vectors - v) {
        case 3: return strip < TILE_VECTORS < 4 ? 1 : 3, A_ROW > (p, rows, v);
        case 2: return strip < TILE_VECTORS < 4 ? 1 : 2, A_ROW > (p, rows, v);
        case 1: return strip<1, A_ROW>(p, rows, v);
    }
}

// The same for neighbouring terms in a, long sums in blocks.
inline void multiply_blocked(Product p, int64_t rows, int64_t vectors) {
    const int64_t depth = p.depth;
    const float* factor = p.factor;
    for (int64_t k = 0; k < depth; k += DEPTH_BLOCK) {
        p.depth = least(DEPTH_BLOCK, depth - k);
        p.resume = k > 0;
        p.factor = k + p.depth == depth ? factor : nullptr;
        multiply<false>(p, rows, vectors);
        p.a += p.depth;
        p.b += p.depth * p.b_k;
    }
}

// Sum over d of a[d] * b[d]: 16 sums side by side, then halved. What lies behind the last term counts as 0,
// whatever it is: an endless gradient would leave a NaN there.
inline float dot(const float* a, const float* b, int64_t length) {
    vf sum[VP] = {};
    const int64_t whole = length / PANEL * PANEL;
    for (int64_t d = 0; d < whole; d += PANEL)
        for (int i = 0; i < VP; ++i) sum[i] = fma(load(a + d + i * W), load(b + d + i * W), sum[i]);
    if (whole < length)
        for (int i = 0; i < VP; ++i) {
            const vi inside = first_lanes(length - whole - i * W);
            sum[i] = fma(load(a + whole + i * W), floats(lanes(load(b + whole + i * W)) & inside), sum[i]);
        }
    return total_of_16(sum);
}

}  // namespace
}  // namespace shoal
