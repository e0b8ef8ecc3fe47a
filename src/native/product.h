// Matrix products in tiles held in registers.
//
// c(r, v) = sum over k of a(r, k) * b(k, v), k in order, one fused multiply-add a term: every element is one
// sequential sum, so neither the tile's shape nor the vector's width shows in the result. The column
// index v counts vectors; vector v lies in panel v / PANEL_VECTORS. A tile of R rows and C vectors keeps R *
// C sums in registers and reads R + C values for R * C multiply-adds.
#pragma once
#include "vec.h"

namespace shoal {
namespace {

// Sums in registers: what is left of them after C vectors of b and one value of a.
constexpr int ACCUMULATORS = REGISTERS == 32 ? 24 : 12;
constexpr int TILE_ROWS = 12;
constexpr int rows_of_tile(int vectors) {
    return ACCUMULATORS / vectors < TILE_ROWS ? ACCUMULATORS / vectors : TILE_ROWS;
}

// Terms summed before the tile moves on: a panel of this many rows stays in the first cache.
constexpr int64_t DEPTH_BLOCK = 256;

// Rows of weights that are transposed together for the gradient of their inputs: two vectors, at least a panel.
constexpr int64_t BLOCK_ROWS = 2 * W < PANEL ? PANEL : 2 * W;

// Terms that lie apart from the others, in a and in b: those of one pixel under a kernel.
struct Tap {
    int64_t a, b, depth;
};

struct Product {
    const float* a;
    int64_t a_stride;  // from row to row, or, where rows are neighbours, from term to term
    const float* b;
    int64_t b_row_stride, b_panel_stride;
    float* c;
    int64_t c_row_stride, c_panel_stride;
    const float* factor;  // where terms are neighbours: multiplied into c at the end, laid out like c; or null
    int64_t depth;
    bool accumulate;  // go on from the sums in c
    const Tap* taps = nullptr;  // the sum goes over them one after another; or null: all terms lie together
    int64_t tap_count = 1;
    // Where rows are neighbours, of each row: it is added, then rectified; multiplied; or null.
    const float *bias = nullptr, *row_factor = nullptr;
};

constexpr int64_t column_offset(int64_t vector, int64_t panel) {
    return vector / PANEL_VECTORS * panel + vector % PANEL_VECTORS * W;
}

// The same number, of which the compiler knows nothing: what follows from it is worked out where it is needed, and not
// ahead of a loop, to wait in registers that the loop needs.
inline int64_t forgotten(int64_t number) {
    __asm__("" : "+r"(number));
    return number;
}

// Adds one term to the sums of a tile. A_TRANSPOSED: rows of a are neighbours, else terms are, so that their addresses
// are one pointer and constants. All indices are constants after unrolling, so `sum` lives in registers.
template <int R, int C, bool A_TRANSPOSED>
inline __attribute__((always_inline)) void add_term(const float* a, int64_t a_stride, const float* b,
                                                    int64_t b_panel_stride, vf32 (&sum)[R][C]) {
    vf32 b_k_c[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) b_k_c[c] = load(b + column_offset(c, b_panel_stride));
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
        const vf32 a_r_k = broadcast(a[A_TRANSPOSED ? r : r * a_stride]);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sum[r][c] = fma(a_r_k, b_k_c[c], sum[r][c]);
    }
}

// Rows `row` to `row` + R, vectors `vector` to `vector` + C of a product.
template <int R, int C, bool A_TRANSPOSED>
void multiply_tile(const Product& p, int64_t row, int64_t vector) {
    int64_t place = row * p.c_row_stride + column_offset(vector, p.c_panel_stride);
    vf32 sum[R][C] = {};
    if (p.accumulate) {
        const float* from = p.c + place;
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r, from += p.c_row_stride)
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) sum[r][c] = load(from + column_offset(c, p.c_panel_stride));
    }
    for (int64_t t = 0; t < p.tap_count; ++t) {
        const Tap tap = p.taps ? p.taps[t] : Tap{0, 0, p.depth};
        const float *a = p.a + tap.a + row * (A_TRANSPOSED ? 1 : p.a_stride),
                    *b = p.b + tap.b + column_offset(vector, p.b_panel_stride);
        for (int64_t k = 0; k < tap.depth; ++k) {
            add_term<R, C, A_TRANSPOSED>(a, p.a_stride, b, p.b_panel_stride, sum);
            a += A_TRANSPOSED ? p.a_stride : 1;
            b += p.b_row_stride;
        }
    }
    const float *bias = p.bias + row, *row_factor = p.row_factor + row * PANEL;
    if (A_TRANSPOSED && p.bias)
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r) {
            const vf32 bias_r = broadcast(bias[r]);
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c)
                sum[r][c] = max(vf32{}, sum[r][c] + bias_r);
        }
    if (A_TRANSPOSED && p.row_factor)
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) sum[r][c] *= load(row_factor + r * PANEL + (vector + c) % PANEL_VECTORS * W);
    place = forgotten(place);
    const int64_t row_stride = p.c_row_stride, panel_stride = p.c_panel_stride;
    float* out = p.c + place;
    const float* factor = !A_TRANSPOSED && p.factor ? p.factor + place : nullptr;
    if (factor)
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r, factor += row_stride)
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) sum[r][c] *= load(factor + column_offset(c, panel_stride));
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r, out += row_stride)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) store(out + column_offset(c, panel_stride), sum[r][c]);
}

// Calls f(row, rows) for the tiles of a strip: as few as can be, of nearly equal height.
template <int C, class F>
inline void for_each_tile(int64_t rows, F&& f) {
    const uint32_t tiles = (uint32_t)((rows + rows_of_tile(C) - 1) / rows_of_tile(C));
    const uint32_t height = (uint32_t)rows / tiles, taller = (uint32_t)rows % tiles;
    int64_t row = 0;
    for (uint32_t i = 0; i < tiles; ++i) {
        const int64_t tile_rows = height + (i < taller);
        f(row, tile_rows);
        row += tile_rows;
    }
}

constexpr int at_most_a_tile(int rows, int vectors) {
    return rows < rows_of_tile(vectors) ? rows : rows_of_tile(vectors);
}

// All rows of C neighbouring vectors.
template <int C, bool A_TRANSPOSED>
inline void multiply_strip(const Product& p, int64_t rows, int64_t vector) {
#define SHOAL_TILE(R) multiply_tile<at_most_a_tile(R, C), C, A_TRANSPOSED>
    static constexpr void (*tiles[TILE_ROWS])(const Product&, int64_t, int64_t) = {
        SHOAL_TILE(1), SHOAL_TILE(2), SHOAL_TILE(3), SHOAL_TILE(4),  SHOAL_TILE(5),  SHOAL_TILE(6),
        SHOAL_TILE(7), SHOAL_TILE(8), SHOAL_TILE(9), SHOAL_TILE(10), SHOAL_TILE(11), SHOAL_TILE(12)};
#undef SHOAL_TILE
    for_each_tile<C>(rows, [&](int64_t row, int64_t tile_rows) { tiles[tile_rows - 1](p, row, vector); });
}

// Strips of C vectors, and of what is left.
template <int C, bool A_TRANSPOSED>
inline void multiply_strips(const Product& p, int64_t rows, int64_t vectors) {
    int64_t v = 0;
    for (; v + C <= vectors; v += C) multiply_strip<C, A_TRANSPOSED>(p, rows, v);
    switch (vectors - v) {
        case 3: return multiply_strip < C < 4 ? 1 : 3, A_TRANSPOSED > (p, rows, v);
        case 2: return multiply_strip < C < 3 ? 1 : 2, A_TRANSPOSED > (p, rows, v);
        case 1: return multiply_strip<1, A_TRANSPOSED>(p, rows, v);
    }
}

// How many tiles a product has in strips of C vectors.
template <int C>
inline int64_t tiles_of(int64_t rows, int64_t vectors) {
    const auto of_strip = [=](int height) { return (rows + height - 1) / height; };
    const int64_t strips = vectors / C * of_strip(rows_of_tile(C));
    switch (vectors % C) {
        case 3: return strips + of_strip(rows_of_tile(3));
        case 2: return strips + of_strip(rows_of_tile(2));
        case 1: return strips + of_strip(rows_of_tile(1));
        default: return strips;
    }
}

// The whole product, in strips of TILE_VECTORS vectors, or of one less where that makes fewer tiles.
template <bool A_TRANSPOSED>
inline void multiply(const Product& p, int64_t rows, int64_t vectors) {
    constexpr int LESS = TILE_VECTORS < 4 ? TILE_VECTORS : TILE_VECTORS - 1;
    if (LESS < TILE_VECTORS && tiles_of<LESS>(rows, vectors) < tiles_of<TILE_VECTORS>(rows, vectors))
        return multiply_strips<LESS, A_TRANSPOSED>(p, rows, vectors);
    multiply_strips<TILE_VECTORS, A_TRANSPOSED>(p, rows, vectors);
}

// The same for neighbouring terms in a, long sums in blocks.
inline void multiply_blocked(Product p, int64_t rows, int64_t vectors) {
    const int64_t depth = p.depth;
    const float* factor = p.factor;
    for (int64_t k = 0; k < depth; k += DEPTH_BLOCK) {
        p.depth = min(DEPTH_BLOCK, depth - k);
        p.accumulate = k > 0;
        p.factor = k + p.depth == depth ? factor : nullptr;
        multiply<false>(p, rows, vectors);
        p.a += p.depth;
        p.b += p.depth * p.b_row_stride;
    }
}

// Sum over d of a[d] * b[d]: 16 sums side by side, then halved. What lies behind the last term counts as 0,
// whatever it is: an endless gradient would leave a NaN there.
inline float dot(const float* a, const float* b, int64_t length) {
    vf32 sum[PANEL_VECTORS] = {};
    const int64_t whole = length / PANEL * PANEL;
    for (int64_t d = 0; d < whole; d += PANEL)
#pragma GCC unroll 4
        for (int i = 0; i < PANEL_VECTORS; ++i)
            sum[i] = fma(load(a + d + i * W), load(b + d + i * W), sum[i]);
    if (whole < length)
#pragma GCC unroll 4
        for (int i = 0; i < PANEL_VECTORS; ++i) {
            const vi32 inside = lane_mask(length - whole - i * W);
            sum[i] =
                fma(load(a + whole + i * W), as_floats(as_bits(load(b + whole + i * W)) & inside), sum[i]);
        }
    return horizontal_sum_16(sum);
}

}  // namespace
}  // namespace shoal
